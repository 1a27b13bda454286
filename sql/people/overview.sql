-- $1 tenant, $2 from, $3 until, $4 hour or day, $5 the time zone of tenants without one, $6 campaign (null: of all)
-- One row a step and unit of cost; days are those of the tenant's time zone. Quarters that ended are added up already
-- (sql/people/fill_quarters.sql); the calls of the last hours are counted as they stand.
-- A quarter of an hour lies between what is filled in and what is read, in case another begins between the two.
with live as (
    select date_bin('15 minutes', now() - interval '135 minutes', 'epoch') as since
)
select date_trunc($4, quarter, coalesce((select time_zone from tenants where id = $1), $5)) as "at!",
       coalesce(sum(calls), 0)::bigint as "calls!", coalesce(sum(inbound), 0)::bigint as "inbound!",
       coalesce(sum(outbound), 0)::bigint as "outbound!", coalesce(sum(answered), 0)::bigint as "answered!",
       coalesce(sum(missed), 0)::bigint as "missed!", coalesce(sum(converted), 0)::bigint as "converted!",
       coalesce(sum(positive), 0)::bigint as "positive!", coalesce(sum(neutral), 0)::bigint as "neutral!",
       coalesce(sum(negative), 0)::bigint as "negative!", coalesce(sum(talk_ms), 0)::bigint as "talk_ms!",
       cost_unit, coalesce(sum(cost), 0) as "cost!"
from (
    select quarter, campaign_id, cost_unit, calls, inbound, outbound, answered, missed, converted, positive, neutral,
           negative, talk_ms, cost
    from call_quarters
    where tenant_id = $1 and is_total = ($6::uuid is null) and ($6::uuid is null or campaign_id = $6) and quarter >= $2
      and quarter < least($3, (select live.since from live))
    union all
    select date_bin('15 minutes', started_at, 'epoch'), campaign_id, cost_unit, 1, (direction = 'inbound')::integer,
           (direction = 'outbound')::integer, (answered_at is not null or disposition = 'answered')::integer,
           is_missed::integer, converted::integer, (sentiment = 'positive')::integer, (sentiment = 'neutral')::integer,
           (sentiment = 'negative')::integer, talk_ms, cost
    from call_items
    where tenant_id = $1 and started_at >= greatest($2, (select live.since from live)) and started_at < $3
      and ($6::uuid is null or campaign_id = $6)
) parts
group by 1, cost_unit
having sum(calls) > 0
order by 1, cost_unit
