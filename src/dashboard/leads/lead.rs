//! `/leads/{id}`: one person, with everything that happened; over the list, or a page of its own.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::params::Params;
use super::super::shell::{Shell, page};
use super::super::show;
use super::super::visit::Visit;
use super::data::{self, Fact};
use super::timeline;
use crate::access::Right;
use crate::console::cursor;
use crate::domain::LeadStage;
use crate::store::people::{self, AnalysisItem, LeadAppointment, LeadChange, LeadDetail, Revealed};

#[derive(Template)]
#[template(path = "lead.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    lead: LeadDetail,
    timeline: Vec<timeline::Entry>,
    /// What happened before.
    older: Option<String>,
    is_first: bool,
    said: Option<&'static str>,
}

impl Page {
    fn heading(&self) -> String {
        self.lead.name.clone().or_else(|| self.lead.phone.clone()).unwrap_or_else(|| "Somebody".to_owned())
    }

    fn path(&self, rest: &str) -> String {
        self.shell.to(&format!("/leads/{}{rest}", self.lead.id))
    }

    fn stages(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let by_hand = self.lead.stage_by_hand.as_deref();
        LeadStage::ALL.iter().map(move |stage| (stage.as_str(), by_hand == Some(stage.as_str())))
    }

    fn tags(&self) -> String {
        self.lead.tags.join(", ")
    }

    /// Who set a field last, if the log knows.
    fn set_by(&self, field: &str) -> Option<&LeadChange> {
        self.lead.changes.iter().find(|change| change.fields.iter().any(|name| name == field))
    }

    /// The choices of do-not-contact: word, what it says, whether it is the one.
    fn choices(&self) -> [(&'static str, &'static str, bool); 3] {
        let now = self.lead.opted_out_by_hand;
        [
            ("on", "Never write to them", now == Some(true)),
            ("off", "They may be written to", now == Some(false)),
            ("auto", "As they asked", now.is_none()),
        ]
    }

    fn complete(&self) -> Option<&AnalysisItem> {
        self.lead.analyses.iter().find(|analysis| analysis.kind == "complete")
    }

    fn individual(&self) -> Vec<&AnalysisItem> {
        self.lead.analyses.iter().filter(|analysis| analysis.kind != "complete").collect()
    }

    fn facts(&self, analysis: &AnalysisItem) -> Vec<Fact> {
        // The summary stands above.
        let facts = analysis.data.as_ref().map(data::facts).unwrap_or_default();
        facts.into_iter().filter(|fact| fact.name != "Summary").collect()
    }

    fn profile(&self) -> Vec<Fact> {
        self.lead.profile.as_ref().map(data::facts).unwrap_or_default()
    }

    /// Those to come, the next one first.
    fn coming(&self) -> Vec<&LeadAppointment> {
        let is_coming = |one: &&LeadAppointment| one.cancelled_at.is_none() && one.starts_at >= self.shell.now;
        self.lead.appointments.iter().rev().filter(is_coming).collect()
    }

    /// The CRM's page, if it is one; anything else is a text.
    fn crm_page(&self) -> Option<&str> {
        self.lead.crm_link.as_deref().filter(|link| link.starts_with("https://") || link.starts_with("http://"))
    }

    /// The list of their calls, for who may look for a number.
    fn calls(&self) -> Option<String> {
        let number = self.lead.phone.as_deref().filter(|_| self.shell.may(Right::SeeWhole))?;
        Some(self.shell.to(&format!("/calls{}", Params::default().with("search", Some(number)).query())))
    }
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell("/leads", "Lead").await?;
    let after = shell.params.get("after").map(|text| cursor::decode(text).ok_or(Fault::NotFound)).transpose()?;
    let mut transaction = visit.console.begin().await?;
    let lead = people::find_lead(&mut transaction, visit.scope(), *id).await?.ok_or(Fault::NotFound)?;
    let story = people::timeline(&mut transaction, visit.scope(), *id, after).await?.ok_or(Fault::NotFound)?;
    visit.console.log_reveal(&mut transaction, visit.scope(), Revealed::Lead(*id), 1).await?;
    transaction.commit().await?;
    shell.show_tenant(visit.pool(), &lead.tenant).await?;
    let said = match shell.params.get("said") {
        Some("saved") => Some("Saved."),
        Some("same") => Some("Nothing was changed."),
        Some("contact") => Some("Saved: this counts from the next message on."),
        _ => None,
    };
    let older = story.next.and_then(|place| cursor::encode(&place)).map(|text| shell.after(&text));
    page(&Page { timeline: timeline::of(&story.items, &shell), older, is_first: after.is_none(), lead, said, shell })
}

/// What the sentiment of something looks like.
fn sentiment_class(word: &str) -> &'static str {
    match word {
        "positive" => "good",
        "negative" => "bad",
        _ => "",
    }
}
