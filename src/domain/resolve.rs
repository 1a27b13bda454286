//! From what a platform says to whose rows it changes: tenants, campaigns, E.164 numbers, leads.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::change::{CallReport, Changes};
use super::reactions::{JobRow, Settings};
use super::scope::Scope;
use super::{
    AnalyticsRow, CallRow, CompleteRow, Completion, Direction, ForgottenRows, LeadRow, MessageRow, RecordingRow, phone,
};
use crate::crypto::DigestKey;
use crate::redact::Phone;

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
    /// Rows of people who were erased: stripped once the rest is written.
    pub forgotten: ForgottenRows,
}

/// Why an event of a shared connection belongs to no tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// It can still find one.
    #[error(
        "no tenant: this connection is shared, and nobody owns the called number or the agent; add it with `switchhook \
         number add` or `switchhook agent add`, then redrive"
    )]
    Nobody,
    /// An event has one tenant, and nothing of it may end up with another's.
    #[error(
        "several tenants: this connection is shared, and one delivery names numbers of more than one of them; give each \
         tenant's numbers a connection of their own"
    )]
    Several,
}

/// One event's surroundings: what the platform's words are read by.
#[derive(Clone, Debug)]
pub struct Resolver<'a> {
    /// What ids are made with.
    pub ids: &'a DigestKey,
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
    /// Whether it is of somebody who was erased, so that its payload must go.
    pub forgot: bool,
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
        let said = changes.messages.iter().flat_map(|message| [&message.from, &message.to]);
        let said = said.chain(changes.contacts.iter().map(|contact| &contact.our_number));
        numbers.extend(said.flatten().filter_map(|raw| self.lookup_form(raw)));
        (numbers, agents)
    }

    /// Finds the tenant, reads the numbers in its region, and says which rows change.
    pub fn resolve(&self, changes: &Changes, directory: &Directory) -> Result<Resolved, TenantError> {
        if changes.is_empty() {
            return Ok(Resolved {
                tenant_id: self.tenant.map(|tenant| tenant.id),
                notes: changes.notes.clone(),
                ..Resolved::default()
            });
        }
        let by_number = self.number_owner(changes, directory)?;
        let by_agent = changes
            .calls
            .iter()
            .filter_map(|call| call.agent_id.clone())
            .find_map(|id| directory.agents.get(&(self.provider.to_owned(), id)));
        let tenant = self
            .tenant
            .or(by_number.map(|owner| &owner.tenant))
            .or(by_agent.map(|owner| &owner.tenant))
            .ok_or(TenantError::Nobody)?;
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
        for known in &changes.known {
            scope.known(known, changes.at, &mut writes);
        }
        Ok(Resolved {
            tenant_id: Some(tenant.id),
            campaign_rank: scope.campaign_rank,
            writes,
            notes: changes.notes.clone(),
            forgot: false,
        })
    }

    /// The owner of our numbers. One delivery of a shared connection may hold messages to several of them: these must be
    /// one tenant's, all of them.
    fn number_owner<'d>(&self, changes: &Changes, directory: &'d Directory) -> Result<Option<&'d Owner>, TenantError> {
        let find = |raw: &Phone| self.lookup_form(raw).and_then(|number| directory.numbers.get(&number));
        let mut owner = changes.calls.iter().flat_map(our_sides).find_map(find);
        let messages = changes.messages.iter().map(|message| match message.direction {
            Direction::Inbound => [message.to.as_ref(), message.from.as_ref()],
            _ => [message.from.as_ref(), message.to.as_ref()],
        });
        let contacts = changes.contacts.iter().filter(|contact| contact.our_number.is_some());
        for sides in messages.chain(contacts.map(|contact| [contact.our_number.as_ref(), None])) {
            let found = sides.into_iter().flatten().find_map(find);
            match (owner, found) {
                _ if self.tenant.is_some() => owner = owner.or(found),
                (_, None) => return Err(TenantError::Nobody),
                (Some(owner), Some(found)) if owner.tenant.id != found.tenant.id => return Err(TenantError::Several),
                _ => owner = owner.or(found),
            }
        }
        Ok(owner)
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
