//! The schema itself: functions that find their tables whoever calls them, keys by which rows can be replicated.

use sqlx::AssertSqlSafe;

use crate::support::{TENANT, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn every_function_finds_its_tables_whatever_the_search_path_is() {
    let mut app = TestApp::spawn().await;
    app.allow_broken_rows();
    let functions = "from pg_proc p where p.pronamespace = 'public'::regnamespace";
    assert!(app.value(&format!("select count(*) {functions}")).await.as_i64().unwrap() > 20);
    // A body that was bound when it was made (prosqlbody) names no table by its name.
    let unpinned = app
        .rows(&format!(
            "select to_jsonb(p.oid::regprocedure::text) {functions} and p.prosqlbody is null
             and not coalesce(p.proconfig, '{{}}') @> array['search_path=public, pg_temp']"
        ))
        .await;
    assert!(unpinned.is_empty(), "{unpinned:?}: create function … set search_path from current, or a body `return …`");
    // Each of them is called under an empty path, as pg_restore and replication do.
    let mut connection = app.owner.acquire().await.unwrap();
    let called = format!(
        "set search_path = '';
         insert into public.webhook_events (connection_id, event_type, external_event_id, payload)
             select id, 'call_ended', 'e' || n, '{{}}' from public.connections, generate_series(1, 3) n
             where provider = 'retell';
         update public.webhook_events set processed_at = now() where external_event_id = 'e1';
         update public.webhook_events set processed_at = null where external_event_id = 'e1';
         update public.webhook_events set payload_removed_at = now() where external_event_id = 'e2';
         insert into public.calls (id, tenant_id, provider, provider_call_id, initiated_at, transcript)
             values (gen_random_uuid(), '{TENANT}', 'retell', 'c', now() - interval '3 hours', 'hello');
         update public.calls set transcript = 'good-bye', direction = 'inbound';
         insert into public.crm_tenants values ('{TENANT}', interval '1 minute');
         insert into public.leads (id, tenant_id, phone) values (gen_random_uuid(), '{TENANT}', '+15550100123');
         update public.leads set name_by_hand = 'Sam';
         delete from public.leads;
         insert into public.operator_log (actor, action, row_count) values ('psql', 'x', 1);
         select public.operator_log_forget(array[lead_id], '{{}}', null) from public.erased_leads;
         select public.operator_log_tenant(jsonb_build_object('call_id', id)), public.billable_seconds(c),
                public.conversation_of(id, tenant_id, provider, contact_number, our_number, started_at, ended_at)
             from public.calls c;
         select public.retention_covers(r, '{TENANT}') from public.retention_rules r;
         select public.tenants_with_due_jobs('x', now());
         select * from public.queue_lost_events('00000000-0000-0000-0000-000000000000',
                                                'ffffffff-ffff-ffff-ffff-ffffffffffff', 10);
         select * from public.free_slots('{TENANT}', 'UTC', '{{1,2,3,4,5,6,7}}', array_fill('9:00'::time, array[7]),
             array_fill('12:00'::time, array[7]), '{{}}', '1 hour', '1 hour', 1, now(), now() + interval '2 days', 9, 9);
         select * from public.places_of('nothing like it', null);
         delete from public.calls;
         reset search_path"
    );
    sqlx::raw_sql(AssertSqlSafe(called)).execute(&mut *connection).await.unwrap();
    assert_eq!(app.value("select count(*) from event_queue").await, 3);
    assert_eq!(app.value("select count(*) from call_quarter_changes where quarter < now()").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_has_a_key_and_deletes_under_a_publication_of_all_tables() {
    let app = TestApp::spawn().await;
    let tables = "from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace";
    let without = app
        .rows(&format!(
            "select to_jsonb(c.relname::text) {tables}
             and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')"
        ))
        .await;
    assert!(without.is_empty(), "{without:?}: a table without a primary key cannot be replicated");
    app.execute("create publication everything for all tables").await;
    let mut deleted = 0;
    for table in app.rows(&format!("select to_jsonb(c.oid::regclass::text) {tables}")).await {
        let table = table.as_str().unwrap();
        app.execute(&format!("delete from {table} where false")).await;
        deleted += 1;
    }
    assert!(deleted > 50, "{deleted}");
    // The tables whose rows come and go: for them it was the trouble.
    app.execute(&format!(
        "insert into call_words_due (call_id) values (gen_random_uuid()), (gen_random_uuid());
         insert into call_quarter_changes (tenant_id, quarter) values ('{TENANT}', now()), ('{TENANT}', now());
         delete from call_words_due; delete from call_quarter_changes; delete from call_quarters"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_constraint_over_several_columns_has_a_name_of_its_own() {
    let app = TestApp::spawn().await;
    // Postgres numbers them; a migration to come must be able to name what it drops.
    let unnamed = app
        .rows(
            "select to_jsonb(conname::text) from pg_constraint
             where connamespace = 'public'::regnamespace and conname ~ ('^' || conrelid::regclass::text || '_check[0-9]*$')",
        )
        .await;
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_events_write_has_a_trigger_that_reads_a_transition_table() {
    let app = TestApp::spawn().await;
    let reading =
        app.rows("select to_jsonb(tgname::text) from pg_trigger where num_nonnulls(tgoldtable, tgnewtable) > 0").await;
    assert!(reading.is_empty(), "distributed tables do not take these: {reading:?}");
}
