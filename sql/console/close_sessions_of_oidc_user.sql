-- $1 issuer, $2 subject
delete from sessions s using users u where u.id = s.user_id and u.oidc_issuer = $1 and u.oidc_subject = $2
returning u.id
