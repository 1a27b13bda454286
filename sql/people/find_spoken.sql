-- $1 tenant, $2 words, $3 rows
-- By call_words_idx. The query stands in a select of its own, as in sql/people/find_people.sql.
select call_id from call_words
where tenant_id = $1 and words @@ (select websearch_to_tsquery('simple', $2))
limit $3
