-- $1 tenant, $2 since
-- Over calls_recent_idx; bounded by the statement's time, since a window may be wide.
select count(*) as "calls!",
       count(*) filter (where direction = 'inbound') as "inbound!",
       count(*) filter (where direction = 'outbound') as "outbound!",
       count(*) filter (where is_missed) as "missed!",
       count(*) filter (where answered_at is not null or disposition = 'answered') as "answered!",
       count(*) filter (where converted) as "converted!",
       count(*) filter (where campaign_id is null) as "unattributed!",
       count(*) filter (where needs_review) as "needs_review!"
from call_items
where tenant_id = $1 and started_at >= $2
