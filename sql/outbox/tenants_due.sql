-- $1 kind, $2 now (null: the database's clock)
-- After sql/outbox/lock_claims.sql. None where the kind is paused. Of very many a part, as chance has it: nobody takes jobs of
-- so many at once, and whoever is left out has the same chance the next time.
select case when not exists (select from job_pauses where kind = $1)
            then array(select tenant_id from unnest(tenants_with_due_jobs($1, coalesce($2, now()))) as t (tenant_id)
                       order by random() limit 500) end as tenants
