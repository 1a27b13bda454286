-- $1 provider
-- Whether a shared connection can find a tenant at all: by a number, or by an agent of the platform.
select exists (select from phone_numbers) or exists (select from agents where provider = $1) as "found!"
