-- $1 pattern, $2 tenants (null: all)
select place as "place!", row_count as rows, unread from places_of($1, $2)
