-- $1 calls, $2 numbers of the person that may stand where ours should (empty: none)
-- What counts stays: times, durations, status and how it came out, cost, campaign, and the platform's id, by which a
-- late report is known. The ranks hold digests of what goes.
update calls set
    from_raw = null, from_number = null, to_raw = null, to_number = null, contact_number = null,
    our_number = case when our_number = any ($2::text[]) then null else our_number end,
    recording_at = null, recording_url = null, recording_rank = null,
    transcript_at = null, transcript = null, transcript_turns = null, transcript_rank = null,
    analysis_at = null, summary = null, sentiment = null, analysis = null, analysis_rank = null,
    forgotten_at = coalesce(forgotten_at, now())
where id = any ($1)
