-- $1 tenant (null: all), $2 kind
delete from retention_rules where tenant_id is not distinct from $1 and kind = $2
