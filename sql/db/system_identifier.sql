-- What a cluster and all its standbys have in common, from when it was made. Everybody may ask, unless that was taken away.
select system_identifier as "system_identifier!" from pg_control_system()
