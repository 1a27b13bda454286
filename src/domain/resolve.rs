//! From what a platform says to whose rows it changes: tenants, campaigns, E.164 numbers, leads.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::change::{CallReport, Changes, ContactReport, MessageReport};
use super::reactions::{self, JobRow, Settings};
use super::{
    AnalysisReport, AnalyticsRow, CallRow, CompleteRow, Completion, Direction, LeadRow, LeadStage, MessageRow, Ranked,
    RecordingRow, Weight, call_id, lead_id, message_id, phone, recording_id,
};
use crate::redact::{Email, PersonName, Phone};

/// What is needed of a tenant to read its events.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantFacts {
    /// The tenant.
    pub id: Uuid,
    /// The region that its national numbers are read in; `None`: the configured one.
    pub region: Option<String>,
    /// Its own wait between a missed call and the first message.
    pub outreach_delay: Option<TimeDelta>,
}

/// Whose a number or an agent is.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantFacts,
    /// The campaign that its calls belong to.
    pub campaign_id: Option<Uuid>,
}

/// Whose a number is.
pub type NumberOwner = Owner;

/// A platform and the id of an agent on it.
pub type AgentKey = (String, String);

/// The numbers and agents that a batch of events mentions, and whose they are.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// By E.164 number.
    pub numbers: HashMap<String, NumberOwner>,
    /// By platform and agent id.
    pub agents: HashMap<AgentKey, Owner>,
}

/// The rows that one event, or a whole batch, writes.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "one list for each table, by the table's name")]
pub struct Writes {
    pub calls: Vec<CallRow>,
    pub leads: Vec<LeadRow>,
    pub analytics: Vec<AnalyticsRow>,
    pub recordings: Vec<RecordingRow>,
    pub messages: Vec<MessageRow>,
    pub complete: Vec<CompleteRow>,
    pub completions: Vec<Completion>,
    pub jobs: Vec<JobRow>,
}

/// Nobody owns this event.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "no tenant: this connection is shared, and nobody owns the called number or the agent; add it with `switchhook \
     number add` or `switchhook agent add`, then redrive"
)]
pub struct NoTenant;

/// One event's surroundings: what the platform's words are read by.
#[derive(Clone, Debug)]
pub struct Resolver<'a> {
    /// The platform.
    pub provider: &'a str,
    /// The tenant of the connection, or the one found when the event was first processed.
    pub tenant: Option<&'a TenantFacts>,
    /// The campaign found when the event was first processed, as `calls.campaign_rank` has it.
    pub campaign_rank: Option<&'a str>,
    /// The region of the connection; else the tenant's, else the configured one.
    pub region: Option<&'a str>,
    /// When the event was stored.
    pub received_at: DateTime<Utc>,
    /// How jobs are put up.
    pub outreach: &'a Settings,
    /// The region for tenants without one.
    pub default_region: &'a str,
}

/// What [`Resolver::resolve`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// Whose event it is.
    pub tenant_id: Option<Uuid>,
    /// Its campaign, as `calls.campaign_rank` has it.
    pub campaign_rank: Option<String>,
    /// What it writes.
    pub writes: Writes,
    /// Fields that were skipped.
    pub notes: Vec<String>,
}

impl Resolver<'_> {
    /// The numbers and agents whose owners must be looked up before [`Resolver::resolve`].
    pub fn lookups(&self, changes: &Changes) -> (Vec<String>, Vec<AgentKey>) {
        let mut numbers = Vec::new();
        let mut agents = Vec::new();
        for call in &changes.calls {
            numbers.extend(our_sides(call).filter_map(|raw| self.lookup_form(raw)));
            agents.extend(call.agent_id.iter().map(|id| (self.provider.to_owned(), id.clone())));
        }
        for message in &changes.messages {
            numbers.extend([&message.from, &message.to].into_iter().flatten().filter_map(|raw| self.lookup_form(raw)));
        }
        (numbers, agents)
    }

    /// Finds the tenant, reads the numbers in its region, and says which rows change.
    pub fn resolve(&self, changes: &Changes, directory: &Directory) -> Result<Resolved, NoTenant> {
        if changes.is_empty() {
            return Ok(Resolved {
                tenant_id: self.tenant.map(|tenant| tenant.id),
                notes: changes.notes.clone(),
                ..Resolved::default()
            });
        }
        let by_number = self.number_owner(changes, directory);
        let by_agent = changes
            .calls
            .iter()
            .filter_map(|call| call.agent_id.clone())
            .find_map(|id| directory.agents.get(&(self.provider.to_owned(), id)));
        let tenant = self
            .tenant
            .or(by_number.map(|owner| &owner.tenant))
            .or(by_agent.map(|owner| &owner.tenant))
            .ok_or(NoTenant)?;
        let scope = Scope {
            resolver: self,
            tenant,
            region: self.region.or(tenant.region.as_deref()).unwrap_or(self.default_region),
            campaign_rank: self.campaign_rank.map(str::to_owned).or_else(|| {
                let campaign = |owner: Option<&Owner>| {
                    owner.filter(|owner| owner.tenant.id == tenant.id).and_then(|owner| owner.campaign_id)
                };
                campaign(by_number).map(|id| format!("2:{id}")).or(campaign(by_agent).map(|id| format!("1:{id}")))
            }),
        };
        let mut writes = Writes::default();
        for call in &changes.calls {
            scope.call(call, changes.at, &mut writes);
        }
        for contact in &changes.contacts {
            scope.contact(contact, changes.at, &mut writes);
        }
        for message in &changes.messages {
            scope.message(message, changes.at, &mut writes);
        }
        for analysis in &changes.analyses {
            scope.analysis(analysis, changes.at, &mut writes);
        }
        Ok(Resolved {
            tenant_id: Some(tenant.id),
            campaign_rank: scope.campaign_rank,
            writes,
            notes: changes.notes.clone(),
        })
    }

    fn number_owner<'d>(&self, changes: &Changes, directory: &'d Directory) -> Option<&'d Owner> {
        let find = |raw: &Phone| self.lookup_form(raw).and_then(|number| directory.numbers.get(&number));
        changes
            .calls
            .iter()
            .flat_map(our_sides)
            .chain(changes.messages.iter().flat_map(|message| {
                match message.direction {
                    Direction::Inbound => [&message.to, &message.from],
                    _ => [&message.from, &message.to],
                }
                .into_iter()
                .flatten()
            }))
            .find_map(find)
    }

    /// A number as `phone_numbers` has it, read in the region that is known before the tenant is.
    fn lookup_form(&self, raw: &Phone) -> Option<String> {
        let region =
            self.region.or(self.tenant.and_then(|tenant| tenant.region.as_deref())).unwrap_or(self.default_region);
        phone::e164(raw, region).map(Phone::into_exposed)
    }
}

/// The texts that may be our number, the likeliest first.
fn our_sides(call: &CallReport) -> impl Iterator<Item = &Phone> {
    let (first, second) = match call.direction {
        Some(Direction::Outbound) => (&call.from, None),
        Some(_) => (&call.to, None),
        None => (&call.to, call.from.as_ref()),
    };
    call.our_number.iter().chain(first).chain(second)
}

/// One event's resolver once the tenant is known.
struct Scope<'a> {
    resolver: &'a Resolver<'a>,
    tenant: &'a TenantFacts,
    region: &'a str,
    campaign_rank: Option<String>,
}

impl Scope<'_> {
    fn call(&self, report: &CallReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        let id = call_id(self.tenant.id, self.resolver.provider, &report.call_id);
        let from = self.number(&report.from);
        let to = self.number(&report.to);
        let (ours, theirs) = match report.direction {
            Some(Direction::Inbound) => (to.clone(), from.clone()),
            Some(Direction::Outbound) => (from.clone(), to.clone()),
            Some(Direction::Internal) | None => (None, None),
        };
        let our_number = self.number(&report.our_number).or(ours);
        let contact_number =
            self.number(&report.contact_number).or(theirs).filter(|number| Some(number) != our_number.as_ref());
        let row = CallRow {
            id,
            tenant_id: self.tenant.id,
            provider: self.resolver.provider.to_owned(),
            provider_call_id: report.call_id.clone(),
            parent_call_id: report.parent_call_id.clone(),
            direction: report.direction,
            status: report.status,
            provider_status: report
                .provider_status
                .clone()
                .map(|word| Ranked::new(Weight(report.status.map_or(0, |status| status as u8 + 1)), at, word)),
            disposition: report.disposition,
            from_raw: report.from.clone(),
            from_number: from,
            to_raw: report.to.clone(),
            to_number: to,
            our_number,
            contact_number: contact_number.clone(),
            agent_id: report.agent_id.clone(),
            agent_name: report.agent_name.clone(),
            campaign_rank: self.campaign_rank.clone(),
            initiated_at: report.initiated_at,
            ringing_at: report.ringing_at,
            answered_at: report.answered_at,
            ended_at: report.ended_at,
            durations: ranked(at, &report.durations),
            hangup: report.hangup.clone().map(|hangup| Ranked::new(Weight::WHOLE, at, hangup)),
            recording_url: report
                .recordings
                .iter()
                .filter_map(|recording| recording.url.clone())
                .map(|url| Some(Ranked::new(Weight::WHOLE, at, url)))
                .fold(None, Ranked::fold),
            transcript: ranked(at, &report.transcript),
            analysis: ranked(at, &report.analysis),
            cost: ranked(at, &report.cost),
        };
        for recording in &report.recordings {
            writes.recordings.push(RecordingRow {
                id: recording.stored.unwrap_or_else(|| recording_id(id, &recording.key)),
                tenant_id: self.tenant.id,
                call_id: id,
                kind: recording.kind,
                url: recording.url.clone(),
                duration_ms: recording.duration_ms,
                started_at: recording.started_at,
            });
        }
        if let Some(analysis) = &row.analysis {
            writes.analytics.push(AnalyticsRow {
                tenant_id: self.tenant.id,
                call_id: id,
                phone: contact_number.clone(),
                source: self.resolver.provider.to_owned(),
                analysis: analysis.clone(),
            });
        }
        if let Some(phone) = contact_number {
            let seen = [row.initiated_at, row.ringing_at, row.answered_at, row.ended_at].into_iter().flatten().min();
            self.lead(phone, seen.or(at), &report.contact_name, &report.contact_email, at, writes);
        }
        writes.jobs.extend(reactions::to_call(&row, self.tenant, self.resolver));
        writes.calls.push(row);
    }

    fn contact(&self, report: &ContactReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        if let Some(phone) = self.number(&Some(report.phone.clone())) {
            self.lead(phone, at, &report.name, &report.email, at, writes);
        }
    }

    fn message(&self, report: &MessageReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        // A sender that is no telephone number (a short code, a name) is kept as written.
        let or_raw = |raw: &Option<Phone>| self.number(raw).or_else(|| raw.clone());
        let theirs = if report.direction == Direction::Inbound { &report.from } else { &report.to };
        let contact_number = self.number(theirs);
        if let Some(phone) = contact_number.clone() {
            self.lead(phone, report.sent_at.or(at), &report.contact_name, &None, at, writes);
        }
        writes.messages.push(MessageRow {
            id: message_id(self.tenant.id, self.resolver.provider, &report.message_id),
            tenant_id: self.tenant.id,
            provider: self.resolver.provider.to_owned(),
            provider_message_id: report.message_id.clone(),
            channel: report.channel,
            direction: report.direction,
            from_number: or_raw(&report.from),
            to_number: or_raw(&report.to),
            contact_number,
            body: report.body.clone().map(|body| Ranked::new(Weight::WHOLE, at, body)),
            status: report.status,
            error: report.error.clone(),
            sent_at: report.sent_at,
        });
    }

    fn analysis(&self, report: &AnalysisReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        let at = at.unwrap_or(self.resolver.received_at);
        let phone = self.number(&report.phone);
        // Our own analysis outweighs what the platform said of the same call, whenever that comes.
        let analysis = Ranked::new(Weight::OURS, Some(at), report.analysis.clone());
        let lead = phone.as_ref().map(|phone| lead_id(self.tenant.id, phone.expose()));
        if let Some((provider, provider_call_id)) = &report.call {
            let call_id = call_id(self.tenant.id, provider, provider_call_id);
            writes.completions.push(Completion { call_id, at });
            writes.analytics.push(AnalyticsRow {
                tenant_id: self.tenant.id,
                call_id,
                phone: phone.clone(),
                source: report.source.clone(),
                analysis,
            });
            let is_qualified = report.stage == Some(LeadStage::Qualified);
            writes.jobs.extend(
                lead.iter()
                    .flat_map(|lead_id| reactions::to_analysis(self.tenant.id, call_id, *lead_id, is_qualified, at)),
            );
        } else if let (Some(phone), Some(lead_id)) = (&phone, lead) {
            writes.complete.push(CompleteRow {
                lead_id,
                tenant_id: self.tenant.id,
                phone: phone.clone(),
                source: report.source.clone(),
                analysis,
            });
        }
        if let Some(phone) = phone {
            self.lead(phone, None, &report.name, &report.email, Some(at), writes);
            if let Some(lead) = writes.leads.last_mut() {
                lead.stage = report.stage;
                lead.profile = report.profile.clone().map(|profile| Ranked::new(Weight::OURS, Some(at), profile));
            }
        }
    }

    fn lead(
        &self,
        phone: Phone,
        seen_at: Option<DateTime<Utc>>,
        name: &Option<(Weight, PersonName)>,
        email: &Option<(Weight, Email)>,
        at: Option<DateTime<Utc>>,
        writes: &mut Writes,
    ) {
        writes.leads.push(LeadRow {
            id: lead_id(self.tenant.id, phone.expose()),
            tenant_id: self.tenant.id,
            phone,
            first_seen_at: seen_at,
            name: ranked(at, name),
            email: ranked(at, email),
            // The earliest wins, and an unknown time must not count as the earliest: weight 2 for those.
            source: Ranked::new(
                if seen_at.is_some() { Weight(1) } else { Weight(2) },
                seen_at,
                self.resolver.provider.to_owned(),
            ),
            stage: None,
            profile: None,
        });
    }

    fn number(&self, raw: &Option<Phone>) -> Option<Phone> {
        raw.as_ref().and_then(|raw| phone::e164(raw, self.region))
    }
}

fn ranked<T: Clone + serde::Serialize>(at: Option<DateTime<Utc>>, value: &Option<(Weight, T)>) -> Option<Ranked<T>> {
    value.clone().map(|(weight, value)| Ranked::new(weight, at, value))
}
