-- $1 tenant, $2 charged since, $3 charged before (null: any), $4 and $5 the last row of the page before (null: the first
-- page), $6 rows. Along charges_tenant_idx.
select h.call_id, t.slug as tenant, trim_scale(h.seconds)::text as "seconds!", h.billed_seconds as "billed_seconds!",
       trim_scale(h.rate_per_minute)::text as "rate_per_minute!", h.rounding_seconds, h.minimum_seconds,
       trim_scale(h.amount)::text as "amount!", h.currency, h.charged_at, h.corrected_at
from charges h
join tenants t on t.id = h.tenant_id
where h.tenant_id = $1
  and ($2::timestamptz is null or h.charged_at >= $2)
  and ($3::timestamptz is null or h.charged_at < $3)
  and h.charged_at <= coalesce($4, 'infinity'::timestamptz)
  and ($5::uuid is null or h.charged_at < $4 or h.call_id > $5)
order by h.charged_at desc, h.call_id
limit $6
