-- Requests to sources that were not verified, so that a wrong secret loses nothing: kept for days, sealed, and verified once
-- more when the secret has been mended (`switchhook rejections reverify`). Anybody can make them, so they are bounded by
-- source, and a flood pushes nobody out: what goes first is the highest rank.
create table kept_requests (
    id uuid not null,
    source_id uuid not null,
    provider text not null,
    at timestamptz not null,
    network text,
    is_known boolean not null,
    rank integer not null,
    reason text not null,
    bytes integer not null,
    request text not null,
    constraint kept_requests_pkey primary key (id),
    constraint kept_requests_source_id_fkey foreign key (source_id) references connections (id) on delete cascade,
    constraint kept_requests_request_check check (request like 'v1.%')
);
-- Sealed bytes do not become shorter.
alter table kept_requests alter column request set storage external;
comment on table kept_requests is 'requests to a source that were not verified, for the time that http.kept_for says';
comment on column kept_requests.at is 'when it came: it is verified as of then';
comment on column kept_requests.network is 'where it came from: an IPv4 address, an IPv6 /64';
comment on column kept_requests.is_known is 'whether this network had verified for the source lately: such go last';
comment on column kept_requests.rank is 'the how manyth of its source, network and minute: the higher, the sooner it goes';
comment on column kept_requests.bytes is 'of body and query, before sealing';
comment on column kept_requests.request is 'sealed: method, path, query, headers, body';
create index kept_requests_source_idx on kept_requests (source_id, at, id);
create index kept_requests_at_idx on kept_requests (at);
