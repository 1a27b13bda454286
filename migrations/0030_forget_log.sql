-- Erasure reaches the operator log, which the program may only add to (sql/ops/roles.sql). The function belongs to the
-- owner of the tables and acts with the owner's rights, so it does one thing: it blanks, within the details of lines, the
-- ids of leads that are gone and their numbers, in the lines of these tenants (null: of all). Who did what, when, and to how many rows stays.

do $migration$
begin
    -- The path is fixed, and temporary tables come last: what is called here is what was meant here.
    execute format($function$
create function operator_log_forget(lead_ids uuid[], numbers text[], tenants uuid[]) returns bigint
language plpgsql security definer set search_path = pg_catalog, %1$I, pg_temp as $body$
declare
    pattern text;
    changed bigint;
begin
    if exists (select from leads
               where id = any (lead_ids)
                  or phone = any (numbers) and (tenants is null or tenant_id = any (tenants))) then
        raise exception 'a lead that is still there is not forgotten' using errcode = 'restrict_violation';
    end if;
    -- Fewer digits could be anything else in a line.
    if exists (select from unnest(numbers) as number where number !~ '^[+][0-9]{7,15}$') then
        raise exception 'a number must be in E.164' using errcode = 'invalid_parameter_value';
    end if;
    select string_agg(word, '|') into pattern
    from (
        select id::text as word from unnest(lead_ids) as id
        union all
        -- With and without the plus; with blanks, dashes, dots, slashes and brackets between the digits.
        select '(?<![0-9a-fA-F-])[+]?' || regexp_replace(substr(number, 2), '([0-9])(?=[0-9])', '\1[-. ()/]*', 'g')
               || '(?![0-9a-fA-F-])'
        from unnest(numbers) as number
    ) words;
    -- An empty pattern would be found everywhere.
    if pattern is null then
        return 0;
    end if;
    update operator_log set details = regexp_replace(details::text, pattern, 'forgotten', 'g')::jsonb
    where details::text ~ pattern and (tenants is null or tenant_id is null or tenant_id = any (tenants));
    get diagnostics changed = row_count;
    return changed;
end $body$
    $function$, current_schema());
end $migration$;
revoke execute on function operator_log_forget from public;
comment on function operator_log_forget is 'blanks the ids and numbers of erased people in the details of the operator log; returns how many lines it changed';
