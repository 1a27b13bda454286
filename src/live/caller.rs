//! Who is calling: answered within two round trips, or without the database.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use sqlx::Connection;

use super::lookups::Asked;
use super::memory::{self, Memory};
use super::tenant::{self, Asker};
use super::variables::{filled, variables};
use super::{Live, Steps};
use crate::dispatch::TenantView;
use crate::domain::{Party, Told, lead_id, phone};
use crate::redact::Hidden;

impl Live {
    /// What the agent is told of a caller, and whether that had to do without the database.
    pub async fn caller(&self, asker: Asker, party: &Party, steps: &mut Steps) -> (Told, bool) {
        let rest = self.settings.caller_timeout.saturating_sub(steps.elapsed());
        let asked = tokio::time::timeout(rest, self.ask(asker, party, steps)).await;
        match asked {
            Ok(Ok(told)) => (told, false),
            Ok(Err(error)) => {
                tracing::warn!(provider = asker.provider, error = %crate::db::describe(&error), "answered without the database");
                steps.done("failed");
                (self.fallback(), true)
            }
            Err(_) => {
                tracing::warn!(provider = asker.provider, "answered without the database, which is slow");
                steps.done("waited");
                (self.fallback(), true)
            }
        }
    }

    /// How long a caller's answer may take.
    pub fn caller_timeout(&self) -> std::time::Duration {
        self.settings.caller_timeout
    }

    async fn ask(&self, asker: Asker, party: &Party, steps: &mut Steps) -> Result<Told, sqlx::Error> {
        // A connection that died while it lay idle shows only now, and is not worth an answer.
        let mut connection = self.callers.acquire().await?;
        steps.done("connection");
        let result = self.look(&mut connection, asker, party, steps).await;
        if let Err(error) = &result
            && crate::db::is_lost(error)
        {
            self.link.note(error);
            connection.close_on_drop();
            let mut fresh = self.callers.acquire().await?;
            fresh.ping().await?;
            steps.done("another connection");
            return self.look(&mut fresh, asker, party, steps).await;
        }
        result
    }

    async fn look(
        &self,
        connection: &mut sqlx::PgConnection,
        asker: Asker,
        party: &Party,
        steps: &mut Steps,
    ) -> Result<Told, sqlx::Error> {
        let mut party = party.clone();
        let found = tenant::find(connection, asker, &mut party, &self.overlay, &self.default_region).await?;
        steps.done("tenant");
        let Some(tenant) = found else { return Ok(self.fallback()) };
        let caller = party.phone.as_ref().and_then(|raw| phone::e164(raw, &tenant.region));
        let (now, source) = (self.clock.now(), asker.connection_id);
        // A source that asks about more numbers than call anybody is told of nobody.
        let asked = caller.as_ref().map(|number| self.lookups.ask(now, source, number));
        let caller = caller.filter(|_| asked != Some(Asked::TooMany));
        let ids = self.keys.load(&self.callers).await?;
        let memory = memory::recall(connection, ids, &tenant, caller.as_ref(), now).await?;
        match caller {
            Some(number) if memory.is_known => {
                self.lookups.reveal(now, source, lead_id(ids, tenant.id, number.expose()))
            }
            Some(_) if asked == Some(Asked::First) => self.lookups.was_new(now, source),
            Some(_) | None => {}
        }
        steps.done("person");
        let told = tell(&memory, &tenant);
        steps.done("words");
        Ok(told)
    }

    /// What is said where nothing can be looked up: what a new caller hears, by the configuration.
    pub fn fallback(&self) -> Told {
        let Ok(parts) = (self.overlay)(&serde_json::Value::Null) else { return Told::default() };
        let tenant = TenantView {
            id: uuid::Uuid::nil(),
            name: String::new(),
            time_zone: parts.time_zone,
            region: self.default_region.clone(),
            appointments: parts.appointments,
            conversation: parts.conversation,
        };
        let nobody = Memory { now: NaiveDateTime::default(), ..Memory::default() };
        let mut variables = variables(&nobody, &tenant);
        // What nobody has looked up, nobody knows.
        for unknown in ["current_date", "current_time", "business_hours"] {
            variables.insert(unknown.to_owned(), String::new());
        }
        variables.extend(self.settings.fallback.clone());
        Told {
            variables: Hidden::new(variables),
            language: Some(tenant.conversation.language),
            metadata: BTreeMap::from([("switchhook".to_owned(), "fallback".to_owned())]),
            ..Told::default()
        }
    }
}

fn tell(memory: &Memory, tenant: &TenantView) -> Told {
    let variables = variables(memory, tenant);
    let settings = &tenant.conversation;
    let non_empty = |text: &String| (!text.is_empty()).then(|| text.clone());
    let first_message = non_empty(&settings.first_message).and_then(|template| filled(&template, &variables));
    let kind = if memory.is_known { "known" } else { "new" };
    Told {
        variables: Hidden::new(variables),
        reject: memory.blocked,
        agent_id: non_empty(&settings.agent_id),
        first_message: first_message.map(Hidden::new),
        language: Some(settings.language),
        metadata: BTreeMap::from([("switchhook".to_owned(), kind.to_owned())]),
    }
}
