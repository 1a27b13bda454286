-- $1 id, $2 claim
-- By its key: `outcome is null` says what `settled_at is null` says, without offering the index of jobs that wait, which looks
-- cheaper where the statistics say that none does.
select sending_at is not null as "begun!" from jobs where id = $1 and claims = $2 and outcome is null
