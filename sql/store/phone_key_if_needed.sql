-- The key of the digests, if anybody was ever forgotten: else there is nothing to look up.
select value from secrets where name = 'phone_digest' and exists (select from forgotten)
