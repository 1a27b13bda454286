//! `/unattributed`, over HTTP: calls given to a campaign by tick or by filter, and taken back, also later.

use serde_json::json;
use switchhook::access::Role;
use uuid::Uuid;

use crate::pages::{Visitor, call, with_calls};
use crate::support::app::TENANT;

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_given_to_a_campaign_by_tick_or_by_filter_and_it_is_undone() {
    let visitor = Visitor::come(with_calls().await, Role::Agent).await;
    let campaign = Uuid::from_u128(0xca3a).to_string();
    let by_hand = "select count(*) from calls where campaign_id_by_hand is not null";
    let page = visitor.get("/unattributed").await;
    assert!(page.text.contains("60 recent calls of +15550100010"), "{}", page.text);
    let ids: Vec<String> = (1..=50).map(|n| call(n).to_string()).collect();
    let mut fields: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
    fields.push(("to", &campaign));
    let done = visitor.post("/unattributed/selected", &fields).await;
    let back = done.assert_status(303).headers["location"].to_str().unwrap().to_owned();
    assert_eq!(visitor.app.value(by_hand).await, json!(50));
    let said = visitor.get(&back).await;
    assert!(said.text.contains("50 calls given to the campaign."), "{}", said.text);
    assert_eq!(said.text.matches("data-id=").count(), 10);
    let undo = back.split("undo=").nth(1).unwrap().to_owned();
    visitor.post("/unattributed/undo", &[("undo", &undo)]).await.assert_status(303);
    assert_eq!(visitor.app.value(by_hand).await, json!(0));
    visitor.post("/unattributed/undo", &[("undo", &undo)]).await.assert_status(422);
    // All that fit: counted and asked first.
    let filter = [("missed", "1"), ("unattributed", "1"), ("to", campaign.as_str())];
    let asked = visitor.post("/unattributed/all", &filter).await;
    assert!(asked.assert_status(200).text.contains("Give 30 calls to Spring?"), "{}", asked.text);
    assert_eq!(visitor.app.value(by_hand).await, json!(0));
    // What comes between the question and the answer is nothing that was agreed to.
    visitor
        .app
        .execute(&format!(
            "insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at)
             values (uuid_v7(), '{TENANT}', 'retell', 'late', 'inbound', 'ended', '2026-10-01T12:00:00Z')"
        ))
        .await;
    let counted = asked.text.split("name=\"counted\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    visitor.post("/unattributed/all", &[&filter[..], &[("counted", counted)]].concat()).await.assert_status(303);
    assert_eq!(visitor.app.value(by_hand).await, json!(30));
    let logged = "select jsonb_agg(action order by at) from operator_log where action like '%attribut%'";
    let actions = json!(["attribute_calls", "undo_attribution", "attribute_calls"]);
    assert_eq!(visitor.app.value(logged).await, actions);
    // A rule, for what comes.
    visitor.post("/unattributed/rule", &[("our_number", "+15550100010"), ("to", &campaign)]).await.assert_status(303);
    let rule = "select to_jsonb(campaign_id) from phone_numbers";
    assert_eq!(visitor.app.value(rule).await, json!(campaign));
    visitor.post("/unattributed/rule", &[("our_number", "+15550100099"), ("to", &campaign)]).await.assert_status(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_lately_is_undone_in_whichever_order() {
    let visitor = Visitor::come(with_calls().await, Role::Agent).await;
    let campaign = Uuid::from_u128(0xca3a).to_string();
    let by_hand = "select count(*) from calls where campaign_id_by_hand is not null";
    let other = Uuid::from_u128(9);
    // As of a tenant who is nobody's business, and as of an attribution that took two requests.
    visitor
        .app
        .execute(&format!(
            "insert into tenants (id, slug, name) values ('{other}', 'other', 'Other');
             insert into calls (id, tenant_id, provider, provider_call_id) values ('{other}', '{other}', 'retell', 'theirs');
             insert into operator_log (id, actor, action, row_count) values ('{other}', 'user of others', 'x', 7);
             insert into attributions (log_id, call_id) values ('{other}', '{other}')"
        ))
        .await;
    for n in 1..=2_u32 {
        let ids: Vec<String> = (n * 10..n * 10 + 3 + n).map(|n| call(n).to_string()).collect();
        let mut fields: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
        fields.push(("to", &campaign));
        visitor.post("/unattributed/selected", &fields).await.assert_status(303);
    }
    assert_eq!(visitor.app.value(by_hand).await, json!(9));
    let page = visitor.get("/unattributed").await.text;
    let lately = page.split("Lately given").nth(1).unwrap();
    assert!(lately.contains("token desk") && !lately.contains("others"), "{lately}");
    assert!(lately.find("5 calls to").unwrap() < lately.find("4 calls to").unwrap(), "{lately}");
    for (is_older, left) in [(true, 5), (false, 0)] {
        let page = visitor.get("/unattributed").await.text;
        let ids: Vec<&str> = page.split("name=\"undo\" value=\"").skip(1).map(|rest| &rest[..36]).collect();
        let id = if is_older { ids.last() } else { ids.first() };
        visitor.post("/unattributed/undo", &[("undo", id.unwrap())]).await.assert_status(303);
        assert_eq!(visitor.app.value(by_hand).await, json!(left));
    }
    assert!(!visitor.get("/unattributed").await.text.contains("Lately given"));
    let viewer = Visitor::come(visitor.app, Role::Viewer).await;
    assert!(!viewer.get("/unattributed").await.text.contains("Lately given"));
}
