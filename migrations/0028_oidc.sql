-- Signing in with an identity provider.

create table oidc_sign_ins (
    digest bytea primary key,
    next text not null,
    expires_at timestamptz not null
);
comment on table oidc_sign_ins is 'sign-ins that were begun and have not come back from the identity provider; each is taken away by its first callback';
comment on column oidc_sign_ins.digest is 'SHA-256 of the random value in the browser''s cookie, from which state, nonce and PKCE verifier follow; none of these is kept';
comment on column oidc_sign_ins.next is 'the page of ours that was asked for';
create index oidc_sign_ins_expiry_idx on oidc_sign_ins (expires_at);
