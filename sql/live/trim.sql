-- $1 now
-- Counts and slow answers are for looking at what has just gone wrong.
with minutes as (delete from live_minutes where minute < $1::timestamptz - interval '7 days')
delete from slow_answers where at < $1::timestamptz - interval '30 days'
