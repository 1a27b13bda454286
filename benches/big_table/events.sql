-- Events, from number big.first down to big.last, so that many are made in several steps; ten belong to a call. They were
-- processed long ago, but for a few that are dead: pending ones are another bench's matter. The id says the time.
insert into webhook_events (
    id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, received_at, processed_at, attempts,
    outcome, last_error, payload
)
select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5('event' || n), 1, 19))::uuid,
       '00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b1', 'retell',
       (array['call_started', 'call_ended', 'call_analyzed'])[n % 3 + 1], 'event ' || n, at, at, at, 1,
       case when n % 10000 = 0 then 'dead' else 'processed' end, case when n % 10000 = 0 then 'missing field' end,
       jsonb_build_object('event', 'call', 'call', jsonb_build_object('call_id', 'call_' || md5('platform' || n / 10)))
from (
    select n, now() - interval '1 minute' - n * interval '0.864 seconds' as at
    from generate_series(current_setting('big.first')::int, current_setting('big.last')::int, -1) n
) made;
