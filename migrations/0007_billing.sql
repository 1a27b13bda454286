-- What calls cost the tenants: rates, charges, credits, balances. Money is numeric, never floating point.

create table tenant_rates (
    tenant_id uuid not null references tenants (id),
    since timestamptz not null default now(),
    rate_per_minute numeric(12, 6) check (rate_per_minute >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    rounding_seconds integer not null default 1 check (rounding_seconds between 1 and 3600),
    minimum_seconds integer not null default 0 check (minimum_seconds between 0 and 3600),
    primary key (tenant_id, since)
);
comment on table tenant_rates is 'append only: a new rate is a new row, and counts for calls whose row is first written from then on';
comment on column tenant_rates.rate_per_minute is 'null: calls are not charged from then on';
comment on column tenant_rates.currency is 'ISO 4217';
comment on column tenant_rates.rounding_seconds is 'charged seconds are a multiple of this: 1 per second, 60 per started minute';
comment on column tenant_rates.minimum_seconds is 'a call that was taken costs at least this many seconds';

alter table tenants add column low_credit numeric(18, 6) check (low_credit >= 0);
comment on column tenants.low_credit is 'a balance of this or less is low; null: only an exhausted one is told of, and only of tenants that were ever given credit';

-- What is charged for: the conversation; where the platform does not tell it from the ringing, the whole call; where it
-- tells no duration, the time from answer to end. A call that nobody took costs nothing. It looks at the row alone, so
-- the charge is the same in every order of events.
-- The bound keeps a nonsensical duration from being more than the column holds (it is more than thirty years).
create function billable_seconds(c calls) returns numeric language sql immutable parallel safe
return case
    when c.answered_at is not null or c.disposition in ('voicemail', 'answered') or c.talk_ms > 0
    then least(greatest(coalesce(
             c.talk_ms, c.duration_ms, extract(epoch from c.ended_at - c.answered_at) * 1000, 0
         ) / 1000.0, 0), 999999999)
    else 0
end;

-- The rate stays with the charge. billed_seconds and amount follow from the columns before them, so they cannot be
-- wrong; a call that was not taken is billed nothing, whatever the minimum.
create table charges (
    call_id uuid primary key,
    tenant_id uuid not null,
    seconds numeric(12, 3) not null check (seconds >= 0),
    rate_per_minute numeric(12, 6) not null check (rate_per_minute >= 0),
    rounding_seconds integer not null check (rounding_seconds >= 1),
    minimum_seconds integer not null check (minimum_seconds >= 0),
    billed_seconds integer not null generated always as (
        case when seconds > 0 then greatest(minimum_seconds, ceil(seconds / rounding_seconds) * rounding_seconds) else 0 end
    ) stored,
    amount numeric(24, 6) not null generated always as (
        case when seconds > 0 then greatest(minimum_seconds, ceil(seconds / rounding_seconds) * rounding_seconds) else 0 end
        * rate_per_minute / 60
    ) stored,
    currency text not null,
    charged_at timestamptz not null default now(),
    corrected_at timestamptz
);
comment on table charges is 'one row for each finished call of a tenant with a rate; written with the call, in the same transaction';
comment on column charges.seconds is 'derived from the call: billable_seconds(calls)';
comment on column charges.rate_per_minute is 'written once: the rate that was in force when the call was first written';
comment on column charges.rounding_seconds is 'written once, with the rate';
comment on column charges.minimum_seconds is 'written once, with the rate';
comment on column charges.currency is 'written once, with the rate';
comment on column charges.charged_at is 'when the row was first written; never merged';
comment on column charges.corrected_at is 'when a later report last changed the seconds';
-- For lists, the newest first; and balances are added up from the index alone.
create index charges_tenant_idx on charges (tenant_id, charged_at desc, call_id) include (currency, amount);

create table credits (
    id uuid primary key default uuid_v7(),
    tenant_id uuid not null references tenants (id),
    amount numeric(18, 6) not null check (amount <> 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    note text not null default '',
    added_by text not null,
    added_at timestamptz not null default now()
);
comment on table credits is 'what a tenant paid in; a negative amount takes back';
create index credits_tenant_idx on credits (tenant_id, added_at desc, id);

create view balances as
    select tenant_id, currency, sum(credit) as credits, sum(charge) as charges, sum(credit) - sum(charge) as balance
    from (
        select tenant_id, currency, amount as credit, 0::numeric as charge from credits
        union all
        select tenant_id, currency, 0::numeric, amount from charges
    ) entries
    group by tenant_id, currency;
comment on view balances is 'credits less charges, by tenant and currency: added up whenever it is read, so it is right at every moment';
