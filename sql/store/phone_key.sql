-- The key of the digests of telephone numbers.
select value from secrets where name = 'phone_digest'
