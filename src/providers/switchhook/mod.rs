//! Our own results, which come back as events: so they are kept, merged and replayed like all others, and nothing is
//! asked or paid for again. No request from outside reaches them: there is no such platform at the door.

mod contact;
mod translate;

#[cfg(test)]
mod tests;

use crate::dispatch::Registry;
use crate::inbox::RESULTS_PROVIDER;

/// Registers what becomes of results.
pub(super) fn register(registry: &mut Registry) {
    let mut routes = registry.provider(RESULTS_PROVIDER);
    routes.on("call_analyzed", translate::call_analyzed);
    routes.on("lead_analyzed", translate::lead_analyzed);
    routes.on("contact_pulled", contact::contact_pulled);
}
