//! One person who calls, and WhatsApp as a stub: what stories of outreach begin with.

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::providers;

use super::TestApp;
use super::vendors::whatsapp::{TOKEN, WhatsAppStub};

pub const CALLER: &str = "+15550100123";
pub const DIGITS: &str = "15550100123";

/// The program and its one vendor.
pub struct Story {
    pub app: TestApp,
    pub whatsapp: WhatsAppStub,
}

impl Story {
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        let whatsapp = WhatsAppStub::start().await;
        whatsapp.approve("missed_call", "en", 1);
        let base_url = whatsapp.base_url.clone();
        let own = [
            ("INTEGRATIONS__WHATSAPP__BASE_URL", base_url.as_str()),
            ("INTEGRATIONS__WHATSAPP__TOKEN", TOKEN),
            ("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "106540352242922"),
            ("INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call"),
            ("OUTREACH__TEMPLATE_PARAMETERS", "{name|there}"),
        ];
        let all: Vec<(&str, &str)> = own.iter().chain(settings).copied().collect();
        Self { app: TestApp::spawn_with(&all, providers::registry()).await, whatsapp }
    }

    /// A call that nobody took, which ends now.
    pub async fn missed_call(&self, call_id: &str) {
        self.call(call_id, CALLER, "not_connected", false).await;
    }

    pub async fn call(&self, call_id: &str, from: &str, status: &str, is_answered: bool) {
        let now = self.app.clock.now().timestamp_millis();
        let mut call = json!({ "call_id": call_id, "direction": "inbound", "from_number": from,
            "to_number": "+15550100199", "call_status": status, "start_timestamp": now - 20_000, "end_timestamp": now });
        if is_answered {
            call["duration_ms"] = json!(15_000);
            call["transcript"] = json!("Agent: Hello?\nUser: Hi.");
        }
        let body = json!({ "event": "call_ended", "call": call }).to_string();
        self.app.post(providers::find("retell").unwrap(), &body).await.assert_outcome("accepted");
        self.app.run_until_idle().await;
    }

    pub async fn jobs(&self) {
        self.app.run_everything().await;
    }

    pub fn pass(&self, hours: i64) {
        self.app.clock.advance(TimeDelta::hours(hours));
    }

    pub fn sent(&self) -> usize {
        self.whatsapp.accepted().len()
    }

    pub async fn ends(&self, kind: &str) -> Vec<Value> {
        let of_kind = format!("from jobs where kind = '{kind}' order by due_at, key");
        self.app.rows(&format!("select to_jsonb(outcome || ': ' || coalesce(note, last_error, '')) {of_kind}")).await
    }

    /// They write to us, now.
    pub async fn reply(&self, text: &str) {
        let now = self.app.clock.now().to_rfc3339();
        self.app
            .execute(&format!(
                "insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, from_number,
                     contact_number, body, body_rank, status, sent_at)
                 select uuid_v7(), id, 'whatsapp', uuid_v7()::text, 'whatsapp', 'inbound', '{CALLER}', '{CALLER}',
                     '{text}', '2', 'received', '{now}' from tenants where slug = 'default'"
            ))
            .await;
    }
}
