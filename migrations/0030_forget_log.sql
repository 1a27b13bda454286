-- Erasure reaches the operator log, which the program may only add to (sql/ops/roles.sql). The function belongs to the
-- owner of the tables and acts with the owner's rights, so it does one thing: it blanks, within the details of lines, the
-- ids of leads that were deleted and their numbers, in the lines of these tenants (null: of all). Who did what, when, and
-- to how many rows stays. Which leads were deleted it does not take the caller's word for (0031_erased_leads.sql), and it
-- does so once for each.

-- The path is fixed, and temporary tables come last (`migrate` sees to it): what is called here is what was meant here.
create function operator_log_forget(lead_ids uuid[], numbers text[], tenants uuid[]) returns bigint
language plpgsql security definer set search_path from current as $$
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
        select lead_id::text as word from erased_leads
        where lead_id = any (lead_ids) and (tenants is null or tenant_id = any (tenants))
        union all
        -- With and without the plus; with blanks, dashes, dots, slashes and brackets between the digits.
        select '(?<![0-9a-fA-F-])[+]?' || regexp_replace(substr(number, 2), '([0-9])(?=[0-9])', '\1[-. ()/]*', 'g')
               || '(?![0-9a-fA-F-])'
        from unnest(numbers) as number
        where exists (select from erased_leads
                      where phone_digest = sha256(convert_to(lead_id::text || number, 'UTF8'))
                        and (tenants is null or tenant_id = any (tenants)))
    ) words;
    delete from erased_leads
    where (lead_id = any (lead_ids)
           or exists (select from unnest(numbers) as number
                      where phone_digest = sha256(convert_to(lead_id::text || number, 'UTF8'))))
      and (tenants is null or tenant_id = any (tenants));
    -- An empty pattern would be found everywhere.
    if pattern is null then
        return 0;
    end if;
    update operator_log set details = regexp_replace(details::text, pattern, 'forgotten', 'g')::jsonb
    where details::text ~ pattern and (tenants is null or tenant_id is null or tenant_id = any (tenants));
    get diagnostics changed = row_count;
    return changed;
end $$;
revoke execute on function operator_log_forget from public;
comment on function operator_log_forget is 'blanks the ids and numbers of leads that were deleted (erased_leads) in the details of the operator log, once for each; returns how many lines it changed';
