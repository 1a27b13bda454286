-- $1 lead or call
-- Whether its person was not erased while a vendor was asked.
select exists (select from leads where id = $1)
    or exists (select from calls where id = $1 and forgotten_at is null) as "is_known!"
