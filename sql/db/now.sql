-- The time by the clock that writes created_at.
select now() as "now!"
