//! Which event set which field of a call: its events are translated again, each alone, and held against their fold.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::find;
use crate::crypto::Keys;
use crate::dispatch::{Handler, Registry};
use crate::domain::{CallRow, Directory, OutreachSettings, Resolver, TenantFacts};
use crate::inbox::Event;

/// Fields that say which call it is, or that belong to another field.
const NOT_SET: [&str; 4] = ["id", "tenant_id", "provider", "provider_call_id"];

/// What is needed to translate events again.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Ids are made with them.
    pub keys: Keys,
    /// What is handled how.
    pub registry: Arc<Registry>,
    /// `[phones] default_region`.
    pub default_region: String,
    /// `[outreach]`.
    pub outreach: OutreachSettings,
}

impl Trace {
    /// The fields of this call that each of its events set, by the event's id. Of two that say the same the earlier one
    /// set it. An event whose handler is not pure, or whose payload is gone, tells nothing.
    pub fn fields(&self, call_id: Uuid, events: &[Event]) -> HashMap<Uuid, Vec<String>> {
        let patches: Vec<(Uuid, CallRow)> =
            events.iter().filter_map(|event| Some((event.id, self.patch(call_id, event)?))).collect();
        let Some(whole) = patches.iter().map(|(_, patch)| patch.clone()).reduce(CallRow::fold) else {
            return HashMap::new();
        };
        let mut sets: HashMap<Uuid, Vec<String>> = HashMap::new();
        let said: Vec<(Uuid, Map<String, Value>)> =
            patches.iter().map(|(event_id, patch)| (*event_id, fields_of(patch))).collect();
        for (name, value) in fields_of(&whole) {
            let setter = said.iter().find(|(_, fields)| fields.get(&name) == Some(&value));
            if let Some((event_id, _)) = setter.filter(|_| !value.is_null() && !NOT_SET.contains(&name.as_str())) {
                sets.entry(*event_id).or_default().push(name.trim_end_matches("_rank").replace('_', " "));
            }
        }
        sets
    }

    fn patch(&self, call_id: Uuid, event: &Event) -> Option<CallRow> {
        let Some(Handler::Pure(handler)) = self.registry.find(&event.provider, &event.event_type) else { return None };
        let changes = handler(event).ok()?;
        let home_region = find(&event.provider).and_then(|provider| provider.home_region());
        let tenant = event.tenant_id.map(|id| TenantFacts {
            id,
            region: event.tenant_region.clone(),
            outreach_delay: event.tenant_outreach_delay_ms.map(TimeDelta::milliseconds),
        });
        let resolver = Resolver {
            ids: self.keys.digests().ok()?,
            provider: &event.provider,
            tenant: tenant.as_ref(),
            campaign_rank: event.campaign_rank.as_deref(),
            region: event.connection_region.as_deref(),
            received_at: event.received_at,
            outreach: &self.outreach,
            default_region: home_region.unwrap_or(&self.default_region),
        };
        // Whose it is and which campaign was found when it was first processed, and stands with the event.
        let resolved = resolver.resolve(&changes, &Directory::default()).ok()?;
        resolved.writes.calls.into_iter().filter(|call| call.id == call_id).reduce(CallRow::fold)
    }
}

fn fields_of(patch: &CallRow) -> Map<String, Value> {
    match serde_json::to_value(patch) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}
