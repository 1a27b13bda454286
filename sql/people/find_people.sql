-- $1 tenant, $2 the last digits of a number, backwards, or $3 words of a name (null: none), $4 rows
-- By leads_digits_idx or leads_name_idx; every person who ever called is a lead. The query stands in a select of its own,
-- so that the plan is that for a rare name, whatever the name: a scan of all leads is never the way.
(select phone as "phone!" from leads
 where $2::text is not null and tenant_id = $1 and reverse(phone) >= $2 and reverse(phone) < $2 || ':'
 limit $4)
union all
(select phone from leads
 where $3::text is not null and tenant_id = $1
   and to_tsvector('simple', coalesce(name_by_hand, name, '')) @@ (select to_tsquery('simple', $3))
 limit $4)
