-- $1.. one array a column, in the order of the insert; one row a person, sorted by lead
-- The merge is CompleteRow::fold (src/domain/analysis.rs): the larger rank takes all.
insert into lead_analytics as a
    (tenant_id, kind, phone, source, analysed_at, summary, sentiment, score, data, rank)
select tenant_id, 'complete', phone, source, analysed_at, summary, sentiment::sentiment, score, data::jsonb, rank
from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::float8[], $8::text[],
            $9::text[])
    as t (tenant_id, phone, source, analysed_at, summary, sentiment, score, data, rank)
on conflict (tenant_id, phone) where kind = 'complete' do update set
    source = excluded.source,
    analysed_at = excluded.analysed_at,
    summary = excluded.summary,
    sentiment = excluded.sentiment,
    score = excluded.score,
    data = excluded.data,
    rank = excluded.rank
where excluded.rank > a.rank
