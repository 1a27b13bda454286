-- What people have decided about a lead, by whom and when: the lead's page reads it out of the operator log.
create index operator_log_lead_idx on operator_log ((details ->> 'lead_id'), at) where details ->> 'lead_id' is not null;
