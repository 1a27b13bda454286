//! Searching calls and leads as a person types, and that who may not see does not find out.

use serde_json::{Value, json};
use switchhook::access::Actor;
use switchhook::access::Role;
use switchhook::providers;
use switchhook::redact::Phone;
use switchhook::retention::{self, Person};
use switchhook::store::{follow, tokens};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::TestApp;

/// Calls of three people: their number's last digit, name, and what was said.
const CALLS: [(u8, &str, &str); 3] = [
    (1, "Dana Levi", "the refund did not arrive"),
    (2, "Dana Stone", "half past nine, not nine and half"),
    (3, "Ada Okoro", "a refund for half of it"),
];

struct Searched {
    app: TestApp,
}

impl Searched {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        for (n, name, said) in CALLS {
            let body = json!({ "event": "call_ended", "call": {
                "call_id": format!("platform-{n}"), "direction": "inbound", "call_status": "ended",
                "from_number": format!("+1555010010{n}"), "to_number": "+15550100199",
                "start_timestamp": 1_788_254_100_000_i64 + i64::from(n), "transcript": format!("User: {said}"),
                "retell_llm_dynamic_variables": { "customer_name": name },
            } });
            app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
        }
        app.run_until_idle().await;
        follow::drain(&app.pool).await.unwrap();
        Self { app }
    }

    async fn answer(&self, role: Role, path: &str) -> (u16, Value) {
        let token =
            tokens::add(&self.app.pool, self.app.keys.digests().unwrap(), None, role, "t", None).await.unwrap().1;
        let request = self.app.client.get(format!("{}/api/v1/{path}", self.app.base)).bearer_auth(token.expose());
        let answer = TestApp::answer(request).await;
        (answer.status, serde_json::from_str(&answer.text).unwrap())
    }

    /// Which of the three a search finds, by the last digit of their numbers.
    async fn found(&self, path: &str) -> String {
        let (status, page) = self.answer(Role::Agent, path).await;
        assert_eq!(status, 200, "{path}: {page}");
        let number = |item: &Value| item.get("phone").unwrap_or(&item["contact_number"]).as_str().unwrap().to_owned();
        page["items"].as_array().unwrap().iter().filter_map(|item| number(item).pop()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_found_by_what_one_has_of_them() {
    let searched = Searched::new().await;
    let id = searched.app.value("select id from calls where provider_call_id = 'platform-2'").await;
    let id = format!("calls?search={}", id.as_str().unwrap());
    for (path, found) in [
        ("calls?search=%2B15550100101", "1"),
        ("calls?search=0103", "3"),
        ("calls?search=(555)%20010-0102", "2"),
        ("calls?search=dana", "21"),
        ("calls?search=lev", "1"),
        ("calls?search=dana%20sto", "2"),
        ("calls?search=refund", "31"),
        ("calls?search=REFUND%20half", "3"),
        ("calls?search=half%20nine", "2"),
        ("calls?search=%22half%20past%22", "2"),
        ("calls?search=platform-3", "3"),
        ("calls?search=zebra", ""),
        ("calls?search=9999", ""),
        (id.as_str(), "2"),
        // With another filter, in the other order, from a place on.
        ("calls?search=dana&until=2026-09-01T09:15:00.002Z", "1"),
        ("calls?search=dana&direction=outbound", ""),
        ("calls?search=refund&order=oldest", "13"),
        ("calls?number=%2B15550100101&search=refund", "1"),
        ("calls?number=%2B15550100102&search=refund", ""),
        ("calls?order=oldest", "123"),
        ("leads?search=dana", "12"),
        ("leads?search=oko", "3"),
        ("leads?search=100102", "2"),
        ("leads?search=zebra", ""),
        ("leads?order=recent", "321"),
        ("leads?order=recent&limit=1", "3"),
    ] {
        assert_eq!(searched.found(path).await, found, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_stands_once_in_the_pages_of_a_search_either_way() {
    let searched = Searched::new().await;
    for (list, whole) in [
        ("calls?search=dana", "21"),
        ("calls?search=refund&order=oldest", "13"),
        ("calls?order=oldest", "123"),
        ("leads?search=dana", "12"),
        ("leads?order=recent", "321"),
    ] {
        let (mut found, mut path) = (String::new(), format!("{list}&limit=1"));
        for _ in 0..5 {
            found += &searched.found(&path).await;
            let (_, page) = searched.answer(Role::Agent, &path).await;
            let Some(next) = page["next"].as_str() else { break };
            path = format!("{list}&limit=1&after={next}");
        }
        assert_eq!(found, whole, "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_masks_only_searches_by_id_only() {
    let searched = Searched::new().await;
    for path in ["calls?search=dana", "calls?search=0101", "leads?search=dana", "leads?search=%2B15550100101"] {
        let (status, problem) = searched.answer(Role::Viewer, path).await;
        assert_eq!(status, 403, "{path}");
        assert!(problem["detail"].as_str().unwrap().contains("by the id"), "{problem}");
    }
    let id = searched.app.value("select id from leads where phone = '+15550100101'").await;
    let (status, page) = searched.answer(Role::Viewer, &format!("leads?search={}", id.as_str().unwrap())).await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 1), "{page}");
    for (search, status) in [("%3F%21".to_owned(), 400), ("a".repeat(300), 400)] {
        assert_eq!(searched.answer(Role::Agent, &format!("calls?search={search}")).await.0, status, "{search}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_follow_the_transcript_and_go_with_the_person() {
    let searched = Searched::new().await;
    let app = &searched.app;
    app.execute("update calls set transcript = 'User: purple elephants' where provider_call_id = 'platform-1'").await;
    assert_eq!(searched.found("calls?search=arrive").await, "", "what was said before is gone at once");
    follow::drain(&app.pool).await.unwrap();
    assert_eq!(searched.found("calls?search=elephants").await, "1");
    assert_eq!(searched.found("calls?search=refund").await, "3");
    app.execute("update leads set name_by_hand = 'Zoe Hart' where phone = '+15550100102'").await;
    assert_eq!(searched.found("calls?search=zoe").await, "2");
    let person = Person { number: Phone::new("+15550100101"), tenant_id: None };
    let report = retention::forget(&app.pool, &app.keys, &person, Actor::program("test")).await.unwrap();
    assert!(report.left.is_empty(), "{report:?}");
    assert_eq!(app.value("select count(*) from call_words").await, json!(2));
    app.execute("update calls set transcript = null, transcript_turns = null").await;
    assert_eq!(app.value("select count(*) from call_words").await, json!(0));
    // A transcript beyond all measure is searched at its beginning, and refuses no event.
    app.execute(
        "update calls set transcript = 'beginning ' || (select string_agg(md5(n::text), ' ') from generate_series(1, 60000) n)
         where provider_call_id = 'platform-3'",
    )
    .await;
    follow::drain(&app.pool).await.unwrap();
    assert_eq!(searched.found("calls?search=beginning").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_that_too_many_numbers_end_in_say_that_some_are_missing() {
    let mut searched = Searched::new().await;
    searched.app.allow_broken_rows();
    searched
        .app
        .execute(
            "insert into leads (id, tenant_id, phone)
             select uuid_v7(), t.id, '+155501' || lpad(n::text, 3, '0') || '0777' from tenants t, generate_series(1, 130) n;
             insert into calls (id, tenant_id, provider, provider_call_id, contact_number, initiated_at)
             select uuid_v7(), tenant_id, 'retell', 'c' || phone, phone, now() from leads where phone like '%0777'",
        )
        .await;
    let asked = async |path: &str| searched.answer(Role::Agent, path).await.1;
    let page = asked("calls?search=0777&limit=500").await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["left_out"]), (100, &json!(true)));
    let counted = asked("calls/count?search=0777").await;
    assert_eq!((&counted["count"], &counted["complete"]), (&json!(100), &json!(false)));
    let page = asked("calls?search=50777&limit=500").await;
    assert_eq!((page["items"].as_array().unwrap().len(), page.get("left_out")), (13, None));
    assert_eq!(asked("calls/count?search=50777").await["complete"], true);
    let page = asked("leads?search=0777&limit=500").await;
    assert_eq!((page["items"].as_array().unwrap().len(), page.get("left_out")), (130, None));
    // The pages say so, and there is no file that ends early.
    let token = tokens::add(&searched.app.pool, searched.app.keys.digests().unwrap(), None, Role::Agent, "t", None)
        .await
        .unwrap()
        .1;
    let get = async |path: &str| {
        let request = searched.app.client.get(format!("{}/{path}", searched.app.base)).bearer_auth(token.expose());
        TestApp::answer(request).await
    };
    let words = "than can be looked through";
    for (path, has_words) in
        [("calls?search=0777", true), ("unattributed?search=0777", true), ("calls?search=50777", false)]
    {
        assert_eq!(get(path).await.assert_status(200).text.contains(words), has_words, "{path}");
    }
    assert!(get("calls.csv?search=0777").await.assert_status(422).text.contains(words));
    assert_eq!(get("calls.csv?search=50777").await.assert_status(200).text.lines().count(), 14);
}

/// Where a word is on everyone's lips, the newest calls are looked along, and each still stands in the pages once.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_very_many_calls_have_is_looked_for_along_the_newest() {
    let searched = Searched::new().await;
    searched
        .app
        .execute(
            "insert into calls (id, tenant_id, provider, provider_call_id, contact_number, status, ended_at, transcript)
             select md5(n::text)::uuid, tenant_id, 'retell', 'old-' || n, contact_number, 'ended', started_at - n * interval '1 minute',
                    case when n <= 1500 then 'silence' else 'hello everybody' end
             from calls, generate_series(1, 4500) n where provider_call_id = 'platform-1'",
        )
        .await;
    follow::drain(&searched.app.pool).await.unwrap();
    // None of the newest thousand has it, and more than can be sorted do.
    let (mut found, mut path, mut pages) = (0, "calls?search=everybody&limit=500".to_owned(), 0);
    loop {
        let (status, page) = searched.answer(Role::Agent, &path).await;
        assert_eq!(status, 200, "{page}");
        found += page["items"].as_array().unwrap().len();
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("calls?search=everybody&limit=500&after={next}");
    }
    assert_eq!(found, 3000, "in {pages} pages");
    assert_eq!(searched.found("calls?search=silence&limit=1").await, "1");
}

/// Calls whose words are not those of their transcript.
const STALE: &str =
    "(select coalesce(string_agg(provider_call_id, ','), '') from calls c full join call_words w on w.call_id = c.id
                      where w.words is distinct from transcript_words(c.transcript))";

/// One process has read an old transcript and another the new one: the old words must not be written last.
#[tokio::test(flavor = "multi_thread")]
async fn words_are_those_of_the_last_transcript_however_many_parse_them() {
    let searched = Searched::new().await;
    let pool = &searched.app.pool;
    let mut other = pool.begin().await.unwrap();
    let lock = include_str!("../../sql/store/lock_words.sql");
    assert!(sqlx::query_scalar::<_, bool>(lock).fetch_one(&mut *other).await.unwrap());
    searched.app.execute("update calls set transcript = 'meanwhile'").await;
    follow::drain(pool).await.unwrap();
    assert_eq!(searched.app.value("select count(*) from call_words_due").await, json!(3), "another process is at it");
    other.rollback().await.unwrap();
    let writers = (0..3).map(|writer| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let ids: Vec<Uuid> = sqlx::query_scalar("select id from calls order by id").fetch_all(&pool).await.unwrap();
            for round in 0..60 {
                // One call after the other, in the order in which events write them: another order may meet in a circle.
                let mut transaction = pool.begin().await.unwrap();
                for id in &ids {
                    let change = "update calls set transcript = case when $1 % 7 = 0 then null else 'said ' || $1 end
                                  where id = $2";
                    let change = sqlx::query(change).bind(writer * 1000 + round).bind(id);
                    change.execute(&mut *transaction).await.unwrap();
                }
                transaction.commit().await.unwrap();
            }
        })
    });
    let parsers = (0..2).map(|_| {
        let pool = pool.clone();
        tokio::spawn(async move {
            for _ in 0..60 {
                follow::drain(&pool).await.unwrap();
            }
        })
    });
    for task in writers.chain(parsers).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    follow::drain(pool).await.unwrap();
    assert_eq!(searched.app.value(STALE).await, json!(""));
}

/// Words with hyphens are kept whole and in parts, so that these are more than Postgres keeps of one text.
#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_of_too_many_words_keeps_back_no_other() {
    let searched = Searched::new().await;
    let app = &searched.app;
    app.execute(
        "update calls set transcript = (
             select string_agg(format('%1$s%2$s%3$s-%3$s%1$s%2$s', chr(20000 + n % 20000), chr(20000 + n / 20000),
                                      chr(20000 + n * 7 % 20000)), ' ')
             from generate_series(1, 30000) n)
         where provider_call_id = 'platform-1'",
    )
    .await;
    app.execute("update calls set transcript = 'and this one' where provider_call_id = 'platform-2'").await;
    follow::drain(&app.pool).await.unwrap();
    assert_eq!(searched.found("calls?search=%22and%20this%22").await, "2");
    assert_eq!(app.value(STALE).await, json!(""));
    assert_eq!(app.value("select max(length(words)) > 20000 from call_words").await, json!(true));
}

/// The mark is written with the transcript: a program that dies before it has parsed the words finds it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_is_found_by_whoever_starts_next() {
    let searched = Searched::new().await;
    let app = &searched.app;
    app.execute("update calls set transcript = 'a walrus' where provider_call_id = 'platform-2'").await;
    let mut dying = app.pool.begin().await.unwrap();
    let parse = include_str!("../../sql/store/parse_words.sql");
    assert_eq!(sqlx::query_scalar::<_, i64>(parse).bind(500_i64).fetch_one(&mut *dying).await.unwrap(), 1);
    dying.rollback().await.unwrap();
    assert_eq!(searched.found("calls?search=walrus").await, "");
    let stop = CancellationToken::new();
    let next = tokio::spawn(follow::run(
        app.pool.clone(),
        switchhook::db::Link::new(std::time::Duration::from_secs(30)),
        stop.clone(),
    ));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    app.eventually("select count(*) = 0 from call_words_due").await;
    assert_eq!(searched.found("calls?search=walrus").await, "2");
    // Parsed in the statement or by the function: the words are the same, also of what does not fit.
    app.execute(
        "update calls set transcript = transcript || (select string_agg('walrus' || n, ' ') from generate_series(1, 60000) n)
         where id = (select min(id::text) from calls where transcript is not null)::uuid",
    )
    .await;
    app.eventually("select count(*) = 0 from call_words_due").await;
    let differ = "select count(*) from calls c join call_words w on w.call_id = c.id
                  where w.words <> transcript_words(c.transcript)";
    assert_eq!(app.value(differ).await, json!(0));
    assert_eq!(app.value("select max(octet_length(transcript)) > 300000 from calls").await, json!(true));
    // The same transcript once more is no change, and nothing is to be done.
    app.execute("update calls set transcript = transcript").await;
    assert_eq!(app.value("select count(*) from call_words_due").await, json!(0));
    stop.cancel();
    next.await.unwrap();
}
