//! An empty installation, page by page: each says what comes next, and leads there.

use switchhook::access::Role;

use crate::operations::Person;
use crate::support::{TENANT, TestApp};

/// Where one is, what it says, and the next step.
const PAGES: [(&str, &str, &str); 15] = [
    ("/calls", "No call has come yet", "/setup"),
    ("/unattributed", "No call has come yet", "/setup"),
    ("/overview", "No call has come yet", "/setup"),
    ("/leads", "Nobody has called or written yet", "/setup"),
    ("/campaigns", "No campaign yet", "/setup/campaigns"),
    ("/operations", "No event has come yet", "/setup/connections"),
    ("/operations/events", "No event has come yet", "/setup/connections"),
    ("/operations/jobs", "No job yet", "/operations/events"),
    ("/operations/rejections", "Nothing was refused", "/operations"),
    ("/setup", "The next step: let a platform send", "/setup/connections"),
    ("/setup/connections", "Nobody may send yet", "#add"),
    ("/setup/numbers", "No number yet", "#add"),
    ("/setup/agents", "No agent yet", "#add"),
    ("/setup/campaigns", "No campaign yet", "#add"),
    ("/setup/users", "No user yet", "#add"),
];

/// What stands in the box of an empty page.
fn empty(page: &str) -> &str {
    let box_ = page.split("class=\"empty\"").nth(1).unwrap_or_else(|| panic!("nothing is empty: {page}"));
    box_.split("</section>").next().unwrap().split("</div>").next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_an_empty_installation_leads_to_the_next_step() {
    let settings = [("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "555001")];
    let mut app = TestApp::spawn_with(&settings, switchhook::providers::registry()).await;
    app.allow_broken_rows();
    app.execute("delete from connection_secrets; delete from connections where provider <> 'switchhook'").await;
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    for (path, words, next) in PAGES {
        let page = admin.get(&app, path).await;
        page.assert_status(200);
        let said = empty(&page.text);
        assert!(said.contains(words), "{path}: {said}");
        assert!(said.contains(&format!("href=\"{next}\"")), "{path} does not lead to {next}: {said}");
        match next.strip_prefix('#') {
            Some(id) => assert!(page.text.contains(&format!("id=\"{id}\"")), "{path}: nothing is called {id}"),
            None => {
                admin.get(&app, next).await.assert_status(200);
            }
        }
    }
    let page = admin.get(&app, "/setup/numbers").await.text;
    assert!(page.contains("Empty: 555001, the configured one"), "who answers, when nobody says");
    // Who may not do it is told who may, and gets no way that is closed to them.
    let viewer = Person::of(&app, Role::Viewer, Some(TENANT)).await;
    for path in ["/calls", "/unattributed", "/overview", "/leads", "/campaigns"] {
        let page = viewer.get(&app, path).await;
        let said = empty(&page.text);
        assert!(said.contains("dministrator") && !said.contains("href=\"/setup"), "{path}: {said}");
    }
    // A filter that fits nothing is another matter.
    app.execute(&format!(
        "insert into calls (id, tenant_id, provider, provider_call_id, initiated_at, campaign_id_by_hand)
         values (gen_random_uuid(), '{TENANT}', 'retell', 'c', now() - interval '40 days', null)"
    ))
    .await;
    assert!(empty(&admin.get(&app, "/overview").await.text).contains("No calls in these days"));
    assert!(empty(&admin.get(&app, "/calls?missed=1").await.text).contains("No call fits"));
    assert!(empty(&admin.get(&app, "/unattributed?missed=1").await.text).contains("Every call has a campaign"));
    assert!(empty(&admin.get(&app, "/operations/jobs?state=dead").await.text).contains("No job fits"));
}
