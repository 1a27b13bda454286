-- $1 calls
-- The rank keeps weight and time, and loses the digest of what was said.
update lead_analytics set
    phone = null, summary = null, sentiment = null, data = null, rank = left(rank, 13) || repeat('0', 16)
where kind = 'individual' and call_id = any ($1)
