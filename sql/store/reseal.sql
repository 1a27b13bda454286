-- $1 column, $2 ids, $3 values as they were read, $4 the same under the newest key. What was changed meanwhile stays.
with new as (
    select id, before, after from unnest($2::text[], $3::text[], $4::text[]) as new (id, before, after)
), connection_secret as (
    update connection_secrets r set secret = new.after from new
    where $1 = 'connection_secrets.secret' and r.id::text = new.id and r.secret = new.before returning 1
), header as (
    update connections r set header_value = new.after from new
    where $1 = 'connections.header_value' and r.id::text = new.id and r.header_value = new.before returning 1
), oauth_token as (
    update oauth_tokens r set token = new.after from new
    where $1 = 'oauth_tokens.token' and encode(r.account, 'hex') = new.id and r.token = new.before returning 1
), second_factor as (
    update second_factors r set secret = new.after from new
    where $1 = 'second_factors.secret' and r.user_id::text = new.id and r.secret = new.before returning 1
), tenant as (
    update tenants r set settings = new.after::jsonb from new
    where $1 = 'tenants.settings' and r.id::text = new.id and r.settings = new.before::jsonb returning 1
), kept as (
    update kept_requests r set request = new.after from new
    where $1 = 'kept_requests.request' and r.id::text = new.id and r.request = new.before returning 1
), own as (
    update secrets r set value = new.after from new
    where $1 = 'secrets.value' and r.name = new.id and r.value = new.before returning 1
)
select (select count(*) from connection_secret) + (select count(*) from header) + (select count(*) from oauth_token)
     + (select count(*) from second_factor) + (select count(*) from tenant) + (select count(*) from kept) + (select count(*) from own) as "rows!"
