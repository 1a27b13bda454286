-- What pages look up.

-- Who decided what about a call.
create index operator_log_call_idx on operator_log ((details ->> 'call_id'), at) where action = 'edit_call';
