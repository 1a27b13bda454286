-- Whether anybody was ever forgotten: else there is nothing to look up.
select exists (select from forgotten) as "has_forgotten!"
