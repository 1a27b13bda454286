-- $1.. one array a column, in the order of the insert; one row a call, sorted by call
-- The merge is AnalyticsRow::fold (src/domain/analysis.rs): the larger rank takes all, the phone is kept once known.
insert into lead_analytics as a
    (tenant_id, kind, call_id, phone, source, analysed_at, summary, sentiment, successful, score, data, rank)
select tenant_id, 'individual', call_id, phone, source, analysed_at, summary, sentiment::sentiment, successful,
       score, data::jsonb, rank
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
            $8::boolean[], $9::float8[], $10::text[], $11::text[])
    as t (tenant_id, call_id, phone, source, analysed_at, summary, sentiment, successful, score, data, rank)
on conflict (call_id) where kind = 'individual' do update set
    phone = greatest(a.phone, excluded.phone),
    source = case when excluded.rank > a.rank then excluded.source else a.source end,
    analysed_at = case when excluded.rank > a.rank then excluded.analysed_at else a.analysed_at end,
    summary = case when excluded.rank > a.rank then excluded.summary else a.summary end,
    sentiment = case when excluded.rank > a.rank then excluded.sentiment else a.sentiment end,
    successful = case when excluded.rank > a.rank then excluded.successful else a.successful end,
    score = case when excluded.rank > a.rank then excluded.score else a.score end,
    data = case when excluded.rank > a.rank then excluded.data else a.data end,
    rank = greatest(a.rank, excluded.rank)
