-- The newest migration that was applied: the program must not serve an older schema than its own.
select max(version) from _sqlx_migrations where success
