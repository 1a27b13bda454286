-- $1 tenant, $2 rate a minute as text (null: not charged from now on), $3 currency, $4 rounding, $5 minimum
-- A new row each time: what was charged before keeps its rate.
insert into tenant_rates (tenant_id, rate_per_minute, currency, rounding_seconds, minimum_seconds)
values ($1, $2::text::numeric, $3, $4, $5)
