//! What jobs are told by the configuration, and by each tenant's own settings over it.

use std::time::Duration;

use serde::Deserialize;

use crate::domain::{AppointmentSettings, ConversationSettings, OutreachSettings};
use crate::integrations::{email, openai, platforms, slack, twilio, whatsapp, zoho};
use crate::redact::Phone;

/// `[jobs]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How often the outbox is looked at.
    #[serde(with = "crate::duration_text")]
    pub poll_interval: Duration,
    /// How long a vendor may take to answer.
    #[serde(with = "crate::duration_text")]
    pub vendor_timeout: Duration,
}

/// `[alerts]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSettings {
    /// How often it is looked whether something is wrong.
    #[serde(with = "crate::duration_text")]
    pub interval: Duration,
    /// How long after an alert the next one of the same incident comes, while it lasts.
    #[serde(with = "crate::duration_text")]
    pub cooldown: Duration,
    /// Channels for what stops leads, in order: `slack`, `email`, `sms`. The next one is taken where one fails.
    pub critical: Vec<String>,
    /// Channels for what will become worse.
    pub warning: Vec<String>,
    /// Channels for good news, such as a lead worth calling.
    pub info: Vec<String>,
    /// What is told of an outreach: `sent`, `answered`.
    pub outreach: Vec<String>,
    /// Who gets alerts by SMS, in E.164.
    pub sms_to: Phone,
    /// The longest that events and due jobs may wait.
    #[serde(with = "crate::duration_text")]
    pub lag_max: Duration,
    /// Requests to one connection in ten minutes that prove nothing, from which on it is told.
    pub refused_min: u32,
    /// The shortest silence of a connection that is told, in hours.
    pub silence_hours_min: u32,
    /// Calls that one reconciliation had to fetch, from which on it is told that webhooks are being lost.
    pub lost_calls_min: u32,
}

/// `[integrations]`: the vendors that are called.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "one field for each table of config.toml, which says what it is")]
pub struct Integrations {
    pub whatsapp: whatsapp::Settings,
    pub openai: openai::Settings,
    pub slack: slack::Settings,
    pub email: email::Settings,
    pub twilio: twilio::Settings,
    pub zoho: zoho::Settings,
    pub bolna: platforms::Settings,
    pub dialpad: platforms::Settings,
    pub elevenlabs: platforms::Settings,
    pub retell: platforms::Settings,
    pub voicenter: platforms::Settings,
}

impl Integrations {
    /// What is needed to ask this platform what calls there were.
    pub fn platform(&self, name: &str) -> Option<&platforms::Settings> {
        match name {
            "bolna" => Some(&self.bolna),
            "dialpad" => Some(&self.dialpad),
            "elevenlabs" => Some(&self.elevenlabs),
            "retell" => Some(&self.retell),
            "voicenter" => Some(&self.voicenter),
            _ => None,
        }
    }
}

/// `[analysis]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalysisSettings {
    /// What a tenant's analyses may cost in a day, US dollars; 0: no bound.
    pub daily_budget_usd: f64,
    /// The model's price of a million tokens that it reads.
    pub input_usd_per_million: f64,
    /// The price of a million tokens that it has read before.
    pub cached_usd_per_million: f64,
    /// The price of a million tokens that it writes.
    pub output_usd_per_million: f64,
    /// Shorter transcripts are not analysed: characters.
    pub transcript_chars_min: usize,
    /// Longer transcripts are cut: characters.
    pub transcript_chars_max: usize,
    /// A lead with this score or more is worth a call: its stage becomes `qualified`.
    pub qualified_score: f64,
}

/// `[crm]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrmSettings {
    /// How long after a lead changed the CRM is told; what changes meanwhile is told with it.
    #[serde(with = "crate::duration_text")]
    pub push_delay: Duration,
}

/// What counts for one tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantSettings {
    /// `[outreach]`.
    pub outreach: OutreachSettings,
    /// `[integrations]`.
    pub integrations: Integrations,
    /// `[analysis]`.
    pub analysis: AnalysisSettings,
    /// `[alerts]`.
    pub alerts: AlertSettings,
    /// `[crm]`.
    pub crm: CrmSettings,
    /// `[appointments]`.
    pub appointments: AppointmentSettings,
    /// `[conversation]`.
    pub conversation: ConversationSettings,
}
