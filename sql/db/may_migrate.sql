-- Whether this role may make tables where they are made.
select coalesce(has_schema_privilege(current_schema(), 'create'), false) as "may!"
