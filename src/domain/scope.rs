//! The rows that one event changes, once its tenant is known.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::change::{AnalysisReport, CallReport, ContactReport, CrmReport, MessageReport};
use super::resolve::{Resolver, TenantFacts, Writes};
use super::{
    AnalyticsRow, CallRow, CompleteRow, Completion, Direction, LeadRow, LeadStage, MessageRow, Ranked, RecordingRow,
    Weight, call_id, lead_id, message_id, opt_out, phone, reactions, recording_id,
};
use crate::redact::{Phone, Spoken};

/// One event's resolver once the tenant is known.
pub(super) struct Scope<'a> {
    pub(super) resolver: &'a Resolver<'a>,
    pub(super) tenant: &'a TenantFacts,
    pub(super) region: &'a str,
    pub(super) campaign_rank: Option<String>,
}

impl Scope<'_> {
    pub(super) fn call(&self, report: &CallReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        let id = call_id(self.resolver.ids, self.tenant.id, self.resolver.provider, &report.call_id);
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
                id: recording_id(self.resolver.ids, recording.stored.unwrap_or(id), &recording.key),
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
            writes.leads.push(LeadRow {
                name: ranked(at, &report.contact_name),
                email: ranked(at, &report.contact_email),
                ..self.lead(phone, seen.or(at))
            });
        }
        writes.jobs.extend(reactions::to_call(&row, self.tenant, self.resolver));
        writes.calls.push(row);
    }

    pub(super) fn contact(&self, report: &ContactReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        let at = report.at.or(at);
        if let Some(phone) = self.number(&Some(report.phone.clone())) {
            writes.leads.push(LeadRow {
                name: ranked(at, &report.name),
                email: ranked(at, &report.email),
                opted_out: report.opt_out.map(|opt_out| Ranked::latest(at, opt_out)),
                ..self.lead(phone, at)
            });
        }
    }

    pub(super) fn message(&self, report: &MessageReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        let at = report.at.or(at);
        // A sender that is no telephone number (a short code, a name) is kept as written.
        let or_raw = |raw: &Option<Phone>| self.number(raw).or_else(|| raw.clone());
        let is_inbound = report.direction == Direction::Inbound;
        let contact_number = self.number(if is_inbound { &report.from } else { &report.to });
        if let Some(phone) = contact_number.clone() {
            let body = report.body.as_ref().filter(|_| is_inbound);
            let opt_out = body.map(Spoken::expose).and_then(opt_out::asked);
            writes.leads.push(LeadRow {
                name: ranked(at, &report.contact_name),
                // Who asks to be left alone has answered, and is not engaged.
                stage: (is_inbound && opt_out != Some(true)).then_some(LeadStage::Engaged),
                opted_out: opt_out.map(|opt_out| Ranked::latest(at, opt_out)),
                ..self.lead(phone, report.sent_at.or(at))
            });
        }
        let id = message_id(self.resolver.ids, self.tenant.id, self.resolver.provider, &report.message_id);
        writes.jobs.extend(reactions::to_message(self.tenant.id, id, report));
        writes.messages.push(MessageRow {
            id,
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
            // What is no id was given along by somebody else.
            job_id: report.callback_data.as_deref().and_then(|data| Uuid::parse_str(data).ok()),
        });
    }

    pub(super) fn analysis(&self, report: &AnalysisReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        let at = at.unwrap_or(self.resolver.received_at);
        let phone = self.number(&report.phone);
        // Our own analysis outweighs what the platform said of the same call, whenever that comes.
        let analysis = Ranked::new(Weight::OURS, Some(at), report.analysis.clone());
        let lead = phone.as_ref().map(|phone| lead_id(self.resolver.ids, self.tenant.id, phone.expose()));
        if let Some((provider, provider_call_id)) = &report.call {
            let call_id = call_id(self.resolver.ids, self.tenant.id, provider, provider_call_id);
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
            writes.leads.push(LeadRow {
                name: ranked(Some(at), &report.name),
                email: ranked(Some(at), &report.email),
                stage: report.stage,
                profile: report.profile.clone().map(|profile| Ranked::new(Weight::OURS, Some(at), profile)),
                ..self.lead(phone, None)
            });
        }
    }

    /// The CRM's word says nothing of when they were first seen, or by whom.
    pub(super) fn known(&self, report: &CrmReport, at: Option<DateTime<Utc>>, writes: &mut Writes) {
        let at = report.at.or(at);
        if let Some(phone) = self.number(&Some(report.phone.clone())) {
            writes.leads.push(LeadRow {
                name: report.name.clone().map(|name| Ranked::new(Weight::CRM, at, name)),
                email: report.email.clone().map(|email| Ranked::new(Weight::CRM, at, email)),
                stage: report.stage,
                ..self.lead(phone, None)
            });
        }
    }

    /// A lead of whom no more is known than that they were there.
    fn lead(&self, phone: Phone, seen_at: Option<DateTime<Utc>>) -> LeadRow {
        LeadRow {
            id: lead_id(self.resolver.ids, self.tenant.id, phone.expose()),
            tenant_id: self.tenant.id,
            phone,
            first_seen_at: seen_at,
            name: None,
            email: None,
            // The earliest wins, and an unknown time must not count as the earliest: weight 2 for those.
            source: Ranked::new(
                if seen_at.is_some() { Weight(1) } else { Weight(2) },
                seen_at,
                self.resolver.provider.to_owned(),
            ),
            stage: None,
            profile: None,
            opted_out: None,
        }
    }

    fn number(&self, raw: &Option<Phone>) -> Option<Phone> {
        raw.as_ref().and_then(|raw| phone::e164(raw, self.region))
    }
}

fn ranked<T: Clone + serde::Serialize>(at: Option<DateTime<Utc>>, value: &Option<(Weight, T)>) -> Option<Ranked<T>> {
    value.clone().map(|(weight, value)| Ranked::new(weight, at, value))
}
