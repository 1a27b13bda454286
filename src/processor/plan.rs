//! What is to be done with one event: found without touching the database.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Processor;
use crate::crypto::DigestKey;
use crate::dispatch::{Handler, InTransaction};
use crate::domain::{Changes, Resolver, TenantFacts};
use crate::inbox::Event;
use crate::providers;
use crate::queue::Failure;

/// Longest list of unknown types that is remembered; beyond it they are counted only.
const MAX_UNKNOWN_TYPES: usize = 1_000;

/// What is to be done with an event.
#[derive(Debug)]
pub(super) enum Plan {
    /// These changes are to be written.
    Write(Changes),
    /// This function is to be called with the transaction.
    Call(InTransaction),
    /// This SQL function is to be called.
    Select(String),
    /// Nothing, for this reason.
    Ignore(String),
    /// It failed already.
    Fail(Failure),
}

impl Processor {
    /// Finds the event's handler and, if it is a pure one, runs it.
    pub(super) fn plan(&self, event: &Event) -> Plan {
        if event.payload_removed {
            return Plan::Ignore(
                "its payload was removed (retention or erasure): there is nothing to do again".to_owned(),
            );
        }
        match self.registry.find(&event.provider, &event.event_type) {
            None => {
                self.note_unknown(event);
                Plan::Ignore("nobody registered this event type".to_owned())
            }
            Some(Handler::Ignore(reason)) => Plan::Ignore((*reason).to_owned()),
            Some(Handler::InTransaction(function)) => Plan::Call(*function),
            Some(Handler::SqlFunction(name)) => Plan::Select(name.clone()),
            // A panic is a bug of ours or of a user's handler: it must not take the batch with it.
            Some(Handler::Pure(function)) => match catch_unwind(AssertUnwindSafe(|| function(event))) {
                Ok(Ok(changes)) => Plan::Write(changes),
                Ok(Err(failure)) => Plan::Fail(failure),
                Err(_) => Plan::Fail(Failure::dead("the handler panicked; the program's log says where")),
            },
        }
    }

    /// What the event's words are read by.
    pub(super) fn resolver<'a>(
        &'a self,
        ids: &'a DigestKey,
        event: &'a Event,
        tenant: Option<&'a TenantFacts>,
    ) -> Resolver<'a> {
        let home_region = providers::find(&event.provider).and_then(|provider| provider.home_region());
        Resolver {
            ids,
            provider: &event.provider,
            tenant,
            campaign_rank: event.campaign_rank.as_deref(),
            region: event.connection_region.as_deref(),
            received_at: event.received_at,
            outreach: &self.outreach,
            default_region: home_region.unwrap_or(&self.default_region),
        }
    }

    fn note_unknown(&self, event: &Event) {
        if let Some(provider) = providers::find(&event.provider) {
            self.metrics.unknown_type(provider.name());
        }
        let Ok(mut seen) = self.seen_unknown.lock() else { return };
        let key = format!("{}/{}", event.provider, event.event_type);
        if seen.len() < MAX_UNKNOWN_TYPES && seen.insert(key) {
            tracing::warn!(
                event_id = %event.id,
                provider = %event.provider,
                event_type = %crate::redact::scrub(&event.event_type),
                "nobody registered this event type; its events are ignored"
            );
        }
    }
}
