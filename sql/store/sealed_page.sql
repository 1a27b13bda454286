-- $1 column, $2 after this id, $3 rows. What is sealed in a column, or should be, in the order of the ids as text.
select id as "id!", value as "value!"
from (
    select 'connection_secrets.secret' as kept_in, id::text, secret as value from connection_secrets
    union all select 'connections.header_value', id::text, header_value from connections where header_value is not null
    union all select 'oauth_tokens.token', encode(account, 'hex'), token from oauth_tokens where token is not null
    union all select 'second_factors.secret', user_id::text, secret from second_factors
    union all select 'tenants.settings', id::text, settings::text from tenants where settings <> '{}'
    union all select 'kept_requests.request', id::text, request from kept_requests
    union all select 'secrets.value', name, value from secrets
) as kept
where kept_in = $1 and id > $2 collate "C"
order by id collate "C"
limit $3
