-- $1 tenant
-- The newest first: that is the one in force.
select since, trim_scale(rate_per_minute)::text as rate_per_minute, currency, rounding_seconds, minimum_seconds
from tenant_rates
where tenant_id = $1
order by since desc
