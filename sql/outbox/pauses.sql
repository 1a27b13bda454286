-- Kinds of jobs that nobody claims until somebody resumes them.
select kind, reason, paused_at from job_pauses order by kind
