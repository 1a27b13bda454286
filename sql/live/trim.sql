-- $1 now
-- Counts and slow answers are for looking at what has just gone wrong.
with lookups as (delete from live_lookups where minute < $1::timestamptz - interval '7 days'),
writes as (delete from live_writes where at < $1::timestamptz - interval '2 days'),
minutes as (delete from live_minutes where minute < $1::timestamptz - interval '7 days')
delete from slow_answers where at < $1::timestamptz - interval '30 days'
