//! Overview and campaigns over HTTP: the numbers are those of the calls, by the days of the tenant's clock, and lead there.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::store::tokens;

use crate::support::{Answer, TENANT, TestApp};

const CAMPAIGN: &str = "00000000-0000-0000-0000-0000ca3a0001";
const OTHERS: &str = "00000000-0000-0000-0000-0000ca3a0002";

async fn with_calls() -> TestApp {
    let mut app =
        TestApp::spawn_with(&[("CONSOLE__REQUESTS_PER_MINUTE", "100000")], switchhook::providers::registry()).await;
    app.allow_broken_rows();
    // The pages' days are those of now, as the database's.
    app.clock.advance(chrono::Utc::now() - app.clock.now());
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
         from generate_series(1, 300) n, lateral (select now() - n * interval '31 minutes' as at) t"
    ))
    .await;
    app
}

async fn get(app: &TestApp, role: Role, path: &str) -> Answer {
    let token = tokens::add(&app.pool, Some(TENANT), role, "t", None).await.unwrap().1;
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
        .map(|(day, cells)| json!([day, number(&cells[0]), number(&cells[3]), number(&cells[4])]))
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
    for wrong in ["range=5", "from=soon", "from=2026-02-02&until=2026-02-01", "from=2020-01-01"] {
        get(&app, Role::Viewer, &format!("/overview?{wrong}")).await.assert_status(422);
    }
    get(&app, Role::Viewer, "/overview?from=2025-11-21&until=2026-11-21").await.assert_status(200);
    app.execute("delete from calls").await;
    assert!(get(&app, Role::Viewer, "/overview").await.text.contains("No calls in these days"));
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
