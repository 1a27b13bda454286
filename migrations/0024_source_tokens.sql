-- Tokens of sources, which need comparing only: the secret part of a URL, and what a platform sends with live requests.
-- And which credentials are good: one rule for secrets and tokens.

create table source_tokens (
    id uuid primary key default uuid_v7(),
    source_id uuid not null references connections (id) on delete cascade,
    usage text not null check (usage in ('webhook', 'live')),
    digest bytea not null unique,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    ends_unreplaced boolean not null default false,
    is_temporary boolean not null default false,
    last_verified_at timestamptz,
    constraint source_tokens_temporary_ends check (not is_temporary or (expires_at is not null and last_verified_at is null))
);
comment on table source_tokens is 'what is shown once and compared ever after: tokens of secret URLs (webhook) and of live requests (live)';
comment on column source_tokens.digest is 'keyed digest of the token; the token itself is never stored';
comment on column source_tokens.ends_unreplaced is 'ends at expires_at even if no newer one has verified anything: somebody said so';
comment on column source_tokens.is_temporary is 'made to send samples with, as connection_secrets.is_temporary';
create index source_tokens_source_idx on source_tokens (source_id);

create view source_credentials as
select 'secret' as usage, id, connection_id as source_id, created_at, expires_at, ends_unreplaced, is_temporary,
       last_used_at as last_verified_at
from connection_secrets
union all
select usage, id, source_id, created_at, expires_at, ends_unreplaced, is_temporary, last_verified_at
from source_tokens;
comment on view source_credentials is 'secrets and tokens of sources, without what they are';

create view live_source_credentials as
select c.usage, c.id, c.source_id, c.created_at, c.expires_at, c.ends_unreplaced, c.is_temporary, c.last_verified_at
from source_credentials c
where c.expires_at is null or c.expires_at > now()
   or (not c.ends_unreplaced and c.last_verified_at is not null and not exists (
           select from source_credentials newer
           where newer.source_id = c.source_id and newer.usage = c.usage and newer.created_at > c.created_at
             and newer.last_verified_at is not null));
comment on view live_source_credentials is 'those that verify now: one that works outlives its end until a newer one has verified something, so that a rotation never cuts a platform off';

create view unfinished_rotations as
select newest.source_id, newest.usage, newest.created_at, works.expires_at, works.ends_unreplaced,
       works.last_verified_at, works.ends_unreplaced and works.expires_at <= now() as has_ended
from (
    select distinct on (source_id, usage) source_id, usage, created_at, last_verified_at
    from live_source_credentials
    where expires_at is null
    order by source_id, usage, created_at desc
) newest
cross join lateral (
    select w.expires_at, w.ends_unreplaced, w.last_verified_at
    -- Also one that has ended: until the newest verifies something, its platform may be cut off.
    from source_credentials w
    where w.source_id = newest.source_id and w.usage = newest.usage and w.created_at < newest.created_at
      and w.last_verified_at is not null
    order by w.last_verified_at desc
    limit 1
) works
where newest.last_verified_at is null and works.expires_at is not null;
comment on view unfinished_rotations is 'sources whose newest credential has never verified anything while the one that works has an end, or has ended';
