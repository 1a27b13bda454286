//! The tenant's CRM: who is to be told of, what both sides agree upon, and where they differ. ARCHITECTURE.md has the
//! table of who wins.

mod agree;
#[cfg(test)]
mod agree_tests;
mod feed;
mod lead;
pub mod operate;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use super::desk::Tenant;
use super::{Desk, OnUnknown, Policy};
use crate::integrations::crm::Crm;
use crate::integrations::zoho;
use crate::queue::Backoff;

pub use feed::{Feeder, feed};

pub(super) use agree::{Agreement, Looked};
pub(super) use lead::{Lead, NotPulled, effect};

/// What the CRM is called in events and notes.
pub(super) const NAME: &str = "zoho";

/// The rules of both kinds.
pub(super) fn policy(name: &'static str) -> Policy {
    Policy {
        name,
        // A token, four searches and a write, each within jobs.vendor_timeout in the ordinary case.
        timeout: Duration::from_secs(120),
        // Zoho's smallest plan takes five requests at once.
        concurrency: 4,
        per_tenant: 4,
        // Told twice, a CRM knows the same: the record is found by its id or its number.
        on_unknown: OnUnknown::Resend,
        retry: Backoff { first: Duration::from_secs(5), longest: Duration::from_secs(3_600), max_attempts: 12 },
        age_max: Duration::from_secs(3 * 86_400),
    }
}

/// The tenant's CRM. `None`: it has none.
pub(super) fn open(desk: &Desk, tenant: &Tenant) -> Option<Box<dyn Crm>> {
    let settings = &tenant.settings.integrations.zoho;
    settings.is_configured().then(|| -> Box<dyn Crm> {
        let store = tokens::PgTokens::new(desk.pool.clone(), desk.keys.clone(), settings);
        Box::new(zoho::Client::new(settings, desk.transport.clone(), Arc::new(store)))
    })
}
