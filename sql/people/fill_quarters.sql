-- $1 tenant, $2 from, $3 until, $4 quarters at most
-- Adds up each quarter of an hour of the window that ended two hours ago or more and is not added up, the newest first,
-- none before the first call: along calls_recent_idx, in all and by campaign. Returns whether more are missing.
with ended as (
    select date_bin('15 minutes', now() - interval '2 hours', 'epoch') as until
), first as (
    select started_at from calls
    where tenant_id = $1 and started_at >= '-infinity'::timestamptz
    order by started_at nulls first, id desc
    limit 1
), missing as materialized (
    select s.quarter
    from ended, first, generate_series(
        greatest($2, date_bin('15 minutes', first.started_at, 'epoch')),
        least($3, ended.until) - interval '15 minutes', '15 minutes'
    ) as s (quarter)
    where not exists (select from call_quarters q where q.tenant_id = $1 and q.is_total and q.quarter = s.quarter)
    order by s.quarter desc
    limit $4::bigint + 1
), filled as (
    insert into call_quarters (
        tenant_id, quarter, is_total, campaign_id, cost_unit, calls, inbound, outbound, answered, missed, converted,
        positive, neutral, negative, talk_ms, cost
    )
    select $1, m.quarter, grouping(c.campaign_id) = 1, c.campaign_id, c.cost_unit, count(c.started_at),
           count(*) filter (where c.direction = 'inbound'),
           count(*) filter (where c.direction = 'outbound'),
           count(*) filter (where c.answered_at is not null or c.disposition = 'answered'),
           count(*) filter (where c.is_missed), count(*) filter (where c.converted),
           count(*) filter (where c.sentiment = 'positive'), count(*) filter (where c.sentiment = 'neutral'),
           count(*) filter (where c.sentiment = 'negative'), coalesce(sum(c.talk_ms), 0), coalesce(sum(c.cost), 0)
    from (select quarter from missing order by quarter desc limit $4) m
    left join lateral (
        select i.started_at, i.campaign_id, i.cost_unit, i.direction, i.answered_at, i.disposition, i.is_missed,
               i.converted, i.sentiment, i.talk_ms, i.cost
        from call_items i
        where i.tenant_id = $1 and i.started_at >= m.quarter and i.started_at < m.quarter + interval '15 minutes'
        -- Quarter by quarter, along the index: without this the plan for any tenant is one scan of all calls.
        offset 0
    ) c on true
    group by grouping sets ((m.quarter, c.cost_unit), (m.quarter, c.campaign_id, c.cost_unit))
)
select count(*) > $4 as "is_more!" from missing
