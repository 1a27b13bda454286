-- $1 tenant, $2 calls to look at, $3 calls that make a pattern
-- Only numbers that are known to be the tenant's: a rule is a line of theirs in phone_numbers.
select c.our_number as "our_number!", count(*) as "calls!"
from (
    select our_number, campaign_id from call_items where tenant_id = $1
    order by started_at desc nulls last, id
    limit $2
) c
join phone_numbers n on n.number = c.our_number and n.tenant_id = $1 and n.campaign_id is null
where c.campaign_id is null
group by c.our_number
having count(*) >= $3
order by count(*) desc, c.our_number
limit 3
