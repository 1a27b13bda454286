//! Overview and campaigns over HTTP: the numbers are those of the calls, by the days of the tenant's clock, and lead there.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::store::tokens;

use crate::support::{Answer, TENANT, TestApp};

const CAMPAIGN: &str = "00000000-0000-0000-0000-0000ca3a0001";
const OTHERS: &str = "00000000-0000-0000-0000-0000ca3a0002";

/// Between two of the calls. All of them must lie in the page's seven days just after midnight too, when these are six
/// and nothing: 300 times 28 minutes are five days and twenty hours.
const CALLS_APART_MINUTES: u32 = 28;

/// With 300 calls before now, which is the same moment for the test, the program and the rows.
async fn with_calls() -> TestApp {
    let mut app =
        TestApp::spawn_with(&[("CONSOLE__REQUESTS_PER_MINUTE", "100000")], switchhook::providers::registry()).await;
    app.allow_broken_rows();
    // The pages' days are those of now, as the database's.
    app.clock.advance(chrono::Utc::now() - app.clock.now());
    let now = now(&app);
    // A zone whose days begin at half past an hour.
    app.execute(&format!(
        "update tenants set time_zone = 'Asia/Kolkata' where id = '{TENANT}';
         insert into tenants (slug, name) values ('other', 'Other');
         insert into campaigns (id, tenant_id, name) values ('{CAMPAIGN}', '{TENANT}', 'Spring');
         insert into campaigns (id, tenant_id, name) select '{OTHERS}', id, 'Strange' from tenants where slug = 'other';
         insert into phone_numbers (number, tenant_id, campaign_id, label) values ('+15550100199', '{TENANT}', '{CAMPAIGN}', 'The shop');
         insert into agents (provider, provider_agent_id, tenant_id, campaign_id, name) values ('retell', 'a1', '{TENANT}', '{CAMPAIGN}', 'Rosa');
         insert into calls (id, tenant_id, provider, provider_call_id, direction, status, disposition, initiated_at, answered_at,
                            contact_number, sentiment, talk_ms, cost, cost_unit, converted_by_hand, campaign_id_by_hand)
         select gen_random_uuid(), '{TENANT}', 'retell', 'c' || n, 'inbound', 'ended', case when n % 3 = 0 then 'no_answer' else 'answered' end::call_disposition,
                at, case when n % 3 <> 0 then at end, '+1555010' || lpad(n::text, 4, '0'), (array['negative', 'positive'])[1 + n % 2]::sentiment,
                60000, 10, 'usd_cents', n % 10 = 0, case when n % 4 = 0 then '{CAMPAIGN}'::uuid end
         from generate_series(1, 300) n, lateral (select {now} - n * interval '{CALLS_APART_MINUTES} minutes' as at) t"
    ))
    .await;
    app
}

/// The moment at which the program's clock stands, for SQL.
fn now(app: &TestApp) -> String {
    format!("timestamptz '{}'", app.clock.now().to_rfc3339())
}

async fn get(app: &TestApp, role: Role, path: &str) -> Answer {
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), role, "t", None).await.unwrap().1;
    TestApp::answer(app.client.get(format!("{}{path}", app.base)).bearer_auth(token.expose())).await
}

/// The rows of the table beside the pictures: the words of the first column, and the numbers.
fn table(page: &str) -> Vec<(String, Vec<String>)> {
    let body = page.split("<tbody>").nth(1).unwrap().split("</tbody>").next().unwrap();
    let text = |cell: &str| cell.split('>').nth(1).unwrap_or_default().split('<').next().unwrap_or_default().to_owned();
    body.split("<tr>")
        .skip(1)
        .map(|row| (text(row.split("<a ").nth(1).unwrap()), row.split("<td").skip(1).map(text).collect()))
        .collect()
}

/// The values of a link's parameters.
fn parameter<'a>(href: &'a str, name: &str) -> &'a str {
    href.split(['?', '&', ';'])
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .unwrap()
        .trim_end_matches("&#38")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_are_those_of_the_tenant_and_every_call_is_in_one() {
    let app = with_calls().await;
    let page = get(&app, Role::Viewer, "/overview?range=30").await;
    page.assert_status(200);
    let expected = app
        .value(
            "select jsonb_agg(jsonb_build_array(name, calls, missed, converted) order by day)
             from (select date_trunc('day', started_at, 'Asia/Kolkata') as day,
                          to_char(started_at at time zone 'Asia/Kolkata', 'FMDy FMDD FMMon YYYY') as name, count(*) as calls,
                          count(*) filter (where is_missed) as missed, count(*) filter (where converted) as converted
                   from call_items group by 1, 2) days",
        )
        .await;
    let seen = table(&page.text);
    assert_eq!(seen.len(), 30, "days without calls too");
    let number = |text: &String| json!(text.replace(',', "").parse::<i64>().unwrap());
    let seen: Vec<Value> = seen
        .iter()
        .map(|(day, cells)| json!([day, number(&cells[0]), number(&cells[3]), number(&cells[5])]))
        .filter(|row| row[1] != 0)
        .collect();
    assert_eq!(json!(seen), expected);
    assert!(page.text.contains("Asia/Kolkata") && page.text.contains("$30.00"), "300 calls of ten cents");
    // A fortnight of hours, half past by the world's clock.
    let fields: Vec<&str> = page.text.split("fill-opacity").collect();
    let hours = app.value("select count(distinct date_trunc('hour', started_at, 'Asia/Kolkata')) from calls").await;
    assert_eq!(json!(fields.len() - 1), hours);
    let href = fields[0].rsplit("href=\"").next().unwrap().split('"').next().unwrap();
    assert!(parameter(href, "from").ends_with(":30:00Z"), "{href}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_leads_to_its_calls() {
    let app = with_calls().await;
    let page = get(&app, Role::Viewer, "/overview?range=today").await.text;
    let bars: Vec<&str> = page
        .split("<a href=\"")
        .skip(1)
        .filter(|link| link.contains("missed call") && link.contains("<rect"))
        .collect();
    for bar in bars {
        let (href, title) =
            (bar.split('"').next().unwrap(), bar.split("aria-label=\"").nth(1).unwrap().split('"').next().unwrap());
        if !href.contains("missed=1") {
            continue;
        }
        let said: i64 = title.rsplit(": ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
        let (from, until) = (parameter(href, "from"), parameter(href, "until"));
        let count = format!(
            "select count(*) from call_items where is_missed and started_at >= '{from}' and started_at < '{until}'"
        );
        assert_eq!(app.value(&count).await, json!(said), "{title} {href}");
    }
    let day = |ago: i64| (app.clock.now() - chrono::TimeDelta::days(ago)).date_naive();
    let too_long = format!("from={}&until={}", day(420), day(2));
    let backwards = format!("from={}&until={}", day(300), day(301));
    for wrong in [&too_long, "range=5", "from=soon", &backwards, "from=2020-01-01"] {
        get(&app, Role::Viewer, &format!("/overview?{wrong}")).await.assert_status(422);
    }
    get(&app, Role::Viewer, &format!("/overview?from={}&until={}", day(367), day(2))).await.assert_status(200);
    app.execute("delete from calls").await;
    assert!(get(&app, Role::Viewer, "/overview").await.text.contains("No call has come yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_has_its_own_calls_and_nobody_elses() {
    let app = with_calls().await;
    let page = get(&app, Role::Viewer, "/campaigns?range=30").await;
    page.assert_status(200);
    assert!(page.text.contains("Spring") && page.text.contains("Of no campaign") && !page.text.contains("Strange"));
    let page = get(&app, Role::Viewer, &format!("/campaigns/{CAMPAIGN}?range=30")).await;
    page.assert_status(200);
    let calls: i64 = table(&page.text).iter().map(|(_, cells)| cells[0].parse::<i64>().unwrap()).sum();
    assert_eq!(calls, 75);
    assert!(
        page.text.contains(&format!("campaign={CAMPAIGN}"))
            && page.text.contains("The shop")
            && page.text.contains("Rosa")
    );
    get(&app, Role::Viewer, &format!("/campaigns/{OTHERS}")).await.assert_status(404);
    app.execute("delete from call_quarters; delete from calls; delete from phone_numbers; delete from agents; delete from campaigns").await;
    assert!(get(&app, Role::Viewer, "/campaigns").await.text.contains("No campaign yet"));
}

/// Every link of a page to calls, with what it says: that of a bar or dot, or the label and value of a figure.
fn links(page: &str) -> Vec<(String, String)> {
    page.split("<a href=\"")
        .skip(1)
        .filter_map(|link| {
            let (href, rest) = link.split_once('"')?;
            let said = match rest.split_once("aria-label=\"") {
                Some((before, said)) if before.trim().is_empty() => said.split('"').next()?.to_owned(),
                _ => {
                    let text = rest.split("</a>").next()?;
                    text.split('<').filter_map(|part| part.split('>').nth(1)).collect::<Vec<_>>().join(" ")
                }
            };
            href.starts_with("/calls?").then(|| (href.replace("&#38;", "&").replace("&amp;", "&"), said))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_and_picture_leads_to_the_rows_that_it_counts() {
    let app = with_calls().await;
    let count = async |href: &str| {
        let mut path = href.to_owned();
        let mut rows = 0;
        loop {
            let page = get(&app, Role::Agent, &path).await;
            page.assert_status(200);
            rows += page.text.matches("data-id=").count();
            let Some(next) = page.text.split("rel=\"next\" href=\"").nth(1) else { break };
            path = next.split('"').next().unwrap().replace("&#38;", "&");
        }
        i64::try_from(rows).unwrap()
    };
    let page = get(&app, Role::Viewer, "/overview?range=7").await.text;
    let links = links(&page);
    let leading =
        |label: &str| links.iter().find(|(_, said)| said.contains(label)).unwrap_or_else(|| panic!("{label}"));
    let total = async |condition: &str| {
        app.value(&format!("select count(*) from call_items where {condition}")).await.as_i64().unwrap()
    };
    for (label, condition) in [
        ("Missed", "is_missed"),
        ("Answer rate", "answered_at is not null"),
        ("Converted", "converted"),
        ("Sentiment", "sentiment = 'positive'"),
    ] {
        let (href, said) = leading(label);
        assert_eq!(count(href).await, total(condition).await, "{said}: {href}");
    }
    // Of a day: what the bar says is what its rows are.
    for word in ["negative", "positive"] {
        let (href, said) = links.iter().rev().find(|(_, said)| said.ends_with(&format!("{word} calls"))).unwrap();
        let number: i64 = said.rsplit(": ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
        assert_eq!(count(href).await, number, "{said}: {href}");
    }
    let (href, said) = links.iter().rev().find(|(_, said)| said.ends_with("% answered")).unwrap();
    assert!(href.contains("answered=1"), "{said}: {href}");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_soon_missed_callers_are_answered_is_seen_by_day() {
    let app = with_calls().await;
    let now = now(&app);
    // Of every third caller, whom nobody answered: those of the last day were called back in 10 minutes, those of the day
    // before written to in 40, all others nobody.
    app.execute(&format!(
        "insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at, contact_number)
         select gen_random_uuid(), '{TENANT}', 'retell', 'back' || id, 'outbound', 'ended', started_at + interval '10 minutes', contact_number
         from call_items where is_missed and date_trunc('day', started_at, 'Asia/Kolkata') = date_trunc('day', {now} - interval '1 day', 'Asia/Kolkata');
         insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, contact_number, body, sent_at)
         select gen_random_uuid(), '{TENANT}', 'whatsapp', 'm' || id, 'whatsapp', 'outbound', contact_number, 'We missed you', started_at + interval '40 minutes'
         from call_items where is_missed and date_trunc('day', started_at, 'Asia/Kolkata') = date_trunc('day', {now} - interval '2 days', 'Asia/Kolkata')"
    ))
    .await;
    let page = get(&app, Role::Viewer, "/overview?range=7").await.text;
    let figure = page.split("<h2>Time until missed callers are answered</h2>").nth(1).expect("the picture");
    let picture = figure.split("</svg>").next().unwrap();
    let dots: Vec<&str> = picture.split("aria-label=\"").skip(2).map(|dot| dot.split('"').next().unwrap()).collect();
    assert_eq!(dots.len(), 2, "{dots:?}");
    assert!(dots[0].contains("half of the answers within 40 min") && dots[1].contains("within 10 min"), "{dots:?}");
    assert!(picture.contains("missed=1") && picture.contains(">30 min<") && picture.contains(">60 min<"), "{picture}");
    let rows = table(&page);
    assert!(page.contains(">Response</th>"));
    let seen: Vec<&str> = rows.iter().map(|(_, cells)| cells[4].as_str()).collect();
    assert_eq!(seen[3..7].to_vec(), ["–", "40 min", "10 min", "–"], "{seen:?}");
    let page = get(&app, Role::Viewer, &format!("/campaigns/{CAMPAIGN}?range=7")).await.text;
    assert!(!page.contains(">Response</th>") && !page.contains("Time until missed callers"));
    // A day of very many calls costs no more: only its last missed ones are looked at.
    app.execute(&format!(
        "insert into calls (id, tenant_id, provider, provider_call_id, direction, status, disposition, initiated_at, contact_number)
         select gen_random_uuid(), '{TENANT}', 'retell', 'many' || n, 'inbound', 'ended', 'no_answer',
                date_trunc('day', {now} - interval '3 days', 'Asia/Kolkata') + n * interval '1 second', '+15550100' || lpad((n % 1000)::text, 3, '0')
         from generate_series(1, 3000) n;
         insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at, contact_number)
         values (gen_random_uuid(), '{TENANT}', 'retell', 'late', 'outbound', 'ended',
                 date_trunc('day', {now} - interval '3 days', 'Asia/Kolkata') + interval '51 minutes', '+15550100000')"
    ))
    .await;
    let page = get(&app, Role::Viewer, "/overview?range=7").await.text;
    assert!(page.contains("of the last 72 missed calls answered"), "a seventh of five hundred");
}
