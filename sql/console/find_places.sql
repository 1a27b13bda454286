-- $1 login, $2 digest of the browser's cookie, $3 digest of the network
-- Whether the user of this name has signed in with this browser, and from this network.
select coalesce(bool_or(k.digest = $2), false) as "is_known_browser!",
       coalesce(bool_or(k.digest = $3), false) as "is_known_network!"
from known_places k
join users u on u.id = k.user_id
where u.login = $1 and k.digest in ($2, $3)
