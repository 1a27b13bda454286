-- $1 tenant (null: all), $2 only those that somebody should be told of
-- Low and exhausted are states of who pays in advance: who has a bound, or was ever given credit. And only in the
-- currency that calls are charged in now: what is left in another one runs out no more.
with standing as (
    select t.id, t.slug, b.currency, b.credits, b.charges, b.balance, t.low_credit,
           case
               when r.rate_per_minute is null then null
               when t.low_credit is null and not exists (select from credits c where c.tenant_id = t.id) then null
               when b.balance <= 0 then 'exhausted'
               when b.balance <= t.low_credit then 'low'
               else 'good'
           end as state
    from balances b
    join tenants t on t.id = b.tenant_id
    left join lateral (
        select * from tenant_rates r where r.tenant_id = t.id order by r.since desc limit 1
    ) r on r.currency = b.currency
)
select id as "tenant_id!", slug as "tenant!", currency as "currency!", trim_scale(credits)::text as "credits!",
       trim_scale(charges)::text as "charges!", trim_scale(balance)::text as "balance!",
       trim_scale(low_credit)::text as low_credit, state
from standing
where ($1::uuid is null or id = $1) and (not $2 or state in ('low', 'exhausted'))
order by slug, currency
