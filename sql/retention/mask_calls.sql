-- $1 ids, $2 pattern of the number
-- In JSON the number may stand as one, so a zero takes its place: that is valid within quotes and without.
update calls set
    transcript = regexp_replace(transcript, $2, '[forgotten]', 'g'),
    transcript_turns = regexp_replace(transcript_turns::text, $2, '0', 'g')::jsonb,
    summary = regexp_replace(summary, $2, '[forgotten]', 'g'),
    analysis = regexp_replace(analysis::text, $2, '0', 'g')::jsonb
where id = any ($1)
