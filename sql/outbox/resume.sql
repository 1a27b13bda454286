-- $1 kind
delete from job_pauses where kind = $1
