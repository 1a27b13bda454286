-- $1 milliseconds, as text
select set_config('statement_timeout', $1, true) as "value!"
