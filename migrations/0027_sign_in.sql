-- Signing in: what slows guessing, and from where people usually come.

create table sign_in_attempts (
    subject bytea primary key,
    user_id uuid references users (id) on delete cascade,
    failures integer not null,
    last_at timestamptz not null,
    free_at timestamptz not null
);
comment on table sign_in_attempts is 'failures by digest of what they count for (a login and a network, a network, a login), so that all processes count together';
comment on column sign_in_attempts.user_id is 'the user, where the login alone is counted and there is one: the monitor names them';
comment on column sign_in_attempts.free_at is 'before this the next attempt is not looked at';
create index sign_in_attempts_age_idx on sign_in_attempts (last_at);

create table known_places (
    user_id uuid not null references users (id) on delete cascade,
    digest bytea not null,
    last_used_at timestamptz not null default now(),
    primary key (user_id, digest)
);
comment on table known_places is 'browsers (by a cookie) and networks from which a user has signed in: failures elsewhere do not slow them there';

create table untrusted_proxies (
    peer inet primary key,
    seen_at timestamptz not null default now()
);
comment on table untrusted_proxies is 'peers outside http.trusted_proxies from which signed-in people came with X-Forwarded-For: doctor warns of them';

create table second_factors (
    user_id uuid primary key references users (id) on delete cascade,
    secret text not null,
    begun_by bytea not null,
    confirmed_at timestamptz,
    last_step bigint,
    wrong_codes integer not null default 0,
    wrong_since timestamptz,
    created_at timestamptz not null default now()
);
comment on table second_factors is 'codes by time (RFC 6238) beside a password';
comment on column second_factors.secret is 'sealed';
comment on column second_factors.begun_by is 'keyed digest of the session, or of the sign-in that waits, which was shown the secret: no other one is shown it or confirms it';
comment on column second_factors.confirmed_at is 'null: being set up for some minutes, and asked of nobody';
comment on column second_factors.last_step is 'the step of the last code that was used: neither it nor an earlier one is good again';
comment on column second_factors.wrong_codes is 'codes of a day from browsers that the user has not signed in with, without the right ones';
comment on column second_factors.wrong_since is 'when that day began; null: there was none';

create table recovery_codes (
    user_id uuid not null references users (id) on delete cascade,
    digest bytea not null,
    used_at timestamptz,
    primary key (user_id, digest)
);
comment on column recovery_codes.digest is 'keyed; the code itself is shown once and not kept';

create table pending_sign_ins (
    digest bytea primary key,
    user_id uuid not null references users (id) on delete cascade,
    must_set_up boolean not null,
    codes integer not null default 0,
    expires_at timestamptz not null
);
comment on table pending_sign_ins is 'between the password and the second factor: of one browser, for minutes; it opens nothing, and ends with the password';
comment on column pending_sign_ins.must_set_up is 'there was no second factor when it began, and there had to be one: only then may it turn one on';
create index pending_sign_ins_user_idx on pending_sign_ins (user_id);
