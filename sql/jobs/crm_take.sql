-- $1 leads at most
-- Takes leads off the queue. Who is writing to one at this moment holds its row, and it is passed by.
delete from crm_queue q
using (select lead_id from crm_queue limit $1 for update skip locked) free
where q.lead_id = free.lead_id
returning q.lead_id, q.is_forced
