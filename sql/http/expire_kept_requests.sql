-- $1 the oldest that may be kept
delete from kept_requests where at < $1
