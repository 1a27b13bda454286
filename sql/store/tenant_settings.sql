-- $1 tenant
select settings::text as "settings!", time_zone, region, extract(epoch from outreach_delay)::float8 as delay_seconds
from tenants where id = $1
