-- $1 the platform's ids, $2 platform, $3 tenant (null: the connection is shared, whoever's it is)
-- What is there of these calls: weights of groups rather than their values, which retention may have taken away.
select provider_call_id as call_id, coalesce(status = 'ended', false) as "has_ended!", disposition::text as disposition,
       ended_at is not null as "has_end!",
       left(duration_rank, 1) as duration_weight, left(hangup_rank, 1) as hangup_weight,
       left(recording_rank, 1) as recording_weight, left(transcript_rank, 1) as transcript_weight,
       left(analysis_rank, 1) as analysis_weight, left(cost_rank, 1) as cost_weight,
       forgotten_at is not null as "is_forgotten!"
from calls
where provider_call_id = any ($1) and provider = $2 and ($3::uuid is null or tenant_id = $3)
