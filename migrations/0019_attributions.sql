-- What calls were attributed to before somebody decided, so that it can be undone.

create table attributions (
    log_id uuid not null,
    call_id uuid not null,
    before_id uuid,
    after_id uuid,
    primary key (log_id, call_id)
);
comment on table attributions is 'one row for each call of an attribution by hand; undoing takes it away. Ids alone, nothing of a person';
comment on column attributions.log_id is 'the line in operator_log; in the order of time';
comment on column attributions.before_id is 'what calls.campaign_id_by_hand was';
comment on column attributions.after_id is 'what it was set to';
create index attributions_call_idx on attributions (call_id, log_id);
