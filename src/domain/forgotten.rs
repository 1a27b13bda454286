//! People who were erased: what a later report says of what happened before is stripped of them.
//!
//! What happened up to the erasure stays forgotten, whenever and by whomever it is reported. What happens after it (they
//! call again) is a new relation, and makes a new lead. A call or message that was erased stays so by its own id, since
//! later reports of it may name no number.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{CallRow, JobRow, MessageRow, Resolved, Writes};
use crate::crypto::DigestKey;
use crate::redact::Phone;

/// What is kept of somebody who is forgotten. The tenant is in it, so that nobody sees that two tenants have forgotten
/// the same person.
pub fn forgotten_digest(key: &DigestKey, tenant_id: Uuid, phone: &Phone) -> Vec<u8> {
    key.digest_parts("forgotten", &[tenant_id.as_bytes(), phone.expose().as_bytes()]).to_vec()
}

/// Who and what of a batch was erased, as the database says.
#[derive(Clone, Debug, Default)]
pub struct Forgotten {
    /// When a person was erased, by tenant and number.
    pub people: HashMap<(Uuid, Phone), DateTime<Utc>>,
    /// Calls and messages whose person was erased.
    pub rows: HashSet<Uuid>,
}

impl Forgotten {
    /// Whether what happened to this person then is forgotten. A platform's clock that runs ahead brings nobody back:
    /// what was received has happened.
    fn holds(&self, tenant_id: Uuid, phone: &Phone, happened_at: DateTime<Utc>) -> bool {
        self.people.get(&(tenant_id, phone.clone())).is_some_and(|erased_at| happened_at <= *erased_at)
    }
}

/// Rows that must be stripped in the tables too: an earlier report may have written what this one reveals as somebody's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForgottenRows {
    /// Calls.
    pub calls: Vec<Uuid>,
    /// Messages.
    pub messages: Vec<Uuid>,
    /// Recordings that the door has kept.
    pub recordings: Vec<Uuid>,
}

impl ForgottenRows {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.messages.is_empty() && self.recordings.is_empty()
    }
}

impl Resolved {
    /// The people that this writes of, by tenant and number.
    pub fn people(&self) -> impl Iterator<Item = (Uuid, &Phone)> {
        let calls = self.writes.calls.iter().flat_map(|call| numbers(call).map(|phone| (call.tenant_id, phone)));
        let leads = self.writes.leads.iter().map(|lead| (lead.tenant_id, &lead.phone));
        let messages = self
            .writes
            .messages
            .iter()
            .filter_map(|message| message.contact_number.as_ref().map(|phone| (message.tenant_id, phone)));
        calls.chain(leads).chain(messages)
    }

    /// Strips what is forgotten of all that would say whose it was, and puts up no job for it. `at`: when the event
    /// happened, as far as its platform says.
    pub fn forget(&mut self, forgotten: &Forgotten, at: Option<DateTime<Utc>>, received_at: DateTime<Utc>) {
        let happened_at = |known: Option<DateTime<Utc>>| known.or(at).unwrap_or(received_at).min(received_at);
        let Writes { calls, leads, analytics, recordings, messages, complete, completions, jobs, forgotten: rows } =
            &mut self.writes;
        let mut people: HashSet<(Uuid, Phone)> = HashSet::new();
        for call in calls {
            let began_at = happened_at(began_at(call));
            if forgotten.rows.contains(&call.id) || numbers(call).any(|n| forgotten.holds(call.tenant_id, n, began_at))
            {
                people.extend(call.contact_number.clone().map(|phone| (call.tenant_id, phone)));
                rows.calls.push(call.id);
                let our_number = call.our_number.take();
                call.our_number = our_number.filter(|number| !forgotten.holds(call.tenant_id, number, began_at));
                strip_call(call);
            }
        }
        for message in messages {
            let sent_at = happened_at(message.sent_at);
            let contact = message.contact_number.as_ref();
            if forgotten.rows.contains(&message.id)
                || contact.is_some_and(|number| forgotten.holds(message.tenant_id, number, sent_at))
            {
                people.extend(contact.cloned().map(|phone| (message.tenant_id, phone)));
                rows.messages.push(message.id);
                strip_message(message);
            }
        }
        // The result of an analysis names its call and brings no row of it.
        for row in analytics.iter().filter(|row| forgotten.rows.contains(&row.call_id)) {
            people.extend(row.phone.clone().map(|phone| (row.tenant_id, phone)));
            rows.calls.push(row.call_id);
        }
        let mut gone: Vec<Uuid> = [&rows.calls[..], &rows.messages[..]].concat();
        leads.retain(|lead| {
            let stays = !people.contains(&(lead.tenant_id, lead.phone.clone()))
                && !forgotten.holds(lead.tenant_id, &lead.phone, happened_at(lead.first_seen_at));
            if !stays {
                gone.push(lead.id);
            }
            stays
        });
        complete.retain(|row| {
            !people.contains(&(row.tenant_id, row.phone.clone()))
                && !forgotten.holds(row.tenant_id, &row.phone, happened_at(None))
        });
        self.forgot = !gone.is_empty();
        if !self.forgot {
            return;
        }
        analytics.retain(|row| !rows.calls.contains(&row.call_id));
        completions.retain(|row| !rows.calls.contains(&row.call_id));
        rows.recordings.extend(recordings.iter().filter(|row| rows.calls.contains(&row.call_id)).map(|row| row.id));
        recordings.retain(|row| !rows.calls.contains(&row.call_id));
        // One event may report the calls of many people: only what is about this one is not done.
        jobs.retain(|job| !gone.iter().any(|id| is_about(job, &id.to_string())));
        self.notes.push("of somebody who was erased: stored without what is personal".to_owned());
    }
}

fn is_about(job: &JobRow, id: &str) -> bool {
    job.key.contains(id) || job.payload.to_string().contains(id)
}

fn began_at(call: &CallRow) -> Option<DateTime<Utc>> {
    [call.initiated_at, call.ringing_at, call.answered_at, call.ended_at].into_iter().flatten().min()
}

/// Their numbers, and ours where the platform did not say which is which.
fn numbers(call: &CallRow) -> impl Iterator<Item = &Phone> {
    [&call.contact_number, &call.from_number, &call.to_number].into_iter().flatten()
}

fn strip_call(call: &mut CallRow) {
    for number in
        [&mut call.from_raw, &mut call.from_number, &mut call.to_raw, &mut call.to_number, &mut call.contact_number]
    {
        *number = None;
    }
    call.recording_url = None;
    call.transcript = None;
    call.analysis = None;
}

fn strip_message(message: &mut MessageRow) {
    message.from_number = None;
    message.to_number = None;
    message.contact_number = None;
    message.body = None;
    message.error = None;
    // WhatsApp's ids have the number in them. The row is known by its own id.
    message.provider_message_id = message.id.to_string();
}

#[cfg(test)]
mod tests {
    use super::super::{LeadRow, Ranked, Weight};
    use super::*;

    const TENANT: Uuid = Uuid::from_u128(1);

    fn at(second: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(second, 0)
    }

    /// A report of two messages of two people.
    fn report() -> Resolved {
        let mut resolved = Resolved::default();
        for (id, number) in [(7, "+15550100177"), (8, "+15550100178")] {
            let (id, number) = (Uuid::from_u128(id), Phone::new(number));
            resolved.writes.messages.push(MessageRow {
                id,
                tenant_id: TENANT,
                provider: "dialpad".to_owned(),
                provider_message_id: "m".to_owned(),
                channel: "sms",
                direction: super::super::Direction::Inbound,
                from_number: Some(number.clone()),
                to_number: None,
                contact_number: Some(number.clone()),
                body: None,
                status: None,
                error: None,
                sent_at: at(100),
                job_id: None,
            });
            resolved.writes.leads.push(LeadRow {
                id,
                tenant_id: TENANT,
                phone: number,
                first_seen_at: at(100),
                name: None,
                email: None,
                source: Ranked::new(Weight(1), at(100), "dialpad".to_owned()),
                stage: None,
                profile: None,
                opted_out: None,
            });
            resolved.writes.jobs.push(JobRow {
                tenant_id: TENANT,
                kind: "start_outreach",
                key: id.to_string(),
                payload: serde_json::json!({}),
                due_at: DateTime::UNIX_EPOCH,
            });
        }
        resolved
    }

    fn forgotten(erased_at: i64) -> Forgotten {
        let people = HashMap::from([((TENANT, Phone::new("+15550100177")), at(erased_at).unwrap())]);
        Forgotten { people, rows: HashSet::new() }
    }

    #[test]
    fn what_happened_up_to_the_erasure_is_forgotten_and_others_are_not() {
        // A clock that runs ahead brings nobody back: what was received before has happened before.
        for (erased_at, received_at, forgets) in [(100, 500, true), (99, 500, false), (99, 98, true)] {
            let mut resolved = report();
            resolved.forget(&forgotten(erased_at), None, at(received_at).unwrap());
            assert_eq!(resolved.forgot, forgets, "erased at {erased_at}, received at {received_at}");
            let left = if forgets { 1 } else { 2 };
            assert_eq!((resolved.writes.leads.len(), resolved.writes.jobs.len()), (left, left));
            assert_eq!(resolved.writes.messages.len(), 2, "messages stay, and are nobody's");
            assert_eq!(resolved.writes.messages[0].contact_number.is_none(), forgets);
            assert!(resolved.writes.messages[1].contact_number.is_some());
        }
    }

    #[test]
    fn a_report_of_something_erased_makes_no_lead_however_late_it_happened() {
        let mut resolved = report();
        let rows = HashSet::from([Uuid::from_u128(8)]);
        resolved.forget(&Forgotten { people: HashMap::new(), rows }, None, at(500).unwrap());
        assert_eq!(resolved.writes.leads.len(), 1);
        assert_eq!(resolved.writes.forgotten.messages, [Uuid::from_u128(8)]);
    }

    #[test]
    fn a_digest_depends_on_key_tenant_and_number() {
        let (key, number) = (DigestKey::new([7; 32]), Phone::new("+15550100177"));
        let digest = forgotten_digest(&key, TENANT, &number);
        assert_eq!(digest.len(), 32);
        assert_ne!(digest, forgotten_digest(&key, Uuid::from_u128(2), &number));
        assert_ne!(digest, forgotten_digest(&DigestKey::new([8; 32]), TENANT, &number));
        assert_ne!(digest, forgotten_digest(&key, TENANT, &Phone::new("+15550100178")));
    }
}
