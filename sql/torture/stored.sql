-- Each webhook of the load that is stored, by its number: how often, and whether it is dead with a reason.
select (payload #>> '{call,metadata,number}')::bigint as "number!",
       count(*) as "times!",
       bool_or(outcome = 'dead' and last_error is not null) as "is_dead!"
from webhook_events
where payload #> '{call,metadata,number}' is not null
group by 1
