//! Whose numbers and agents are: `phone_numbers`, `agents`.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use sqlx::PgConnection;

use crate::domain::{AgentKey, Directory, Owner, TenantFacts};

/// Looks up the owners of all these numbers and agents in one statement.
pub async fn owners(
    connection: &mut PgConnection,
    numbers: BTreeSet<String>,
    agents: BTreeSet<AgentKey>,
) -> Result<Directory, sqlx::Error> {
    let mut directory = Directory::default();
    if numbers.is_empty() && agents.is_empty() {
        return Ok(directory);
    }
    let numbers: Vec<String> = numbers.into_iter().collect();
    let (providers, agent_ids): (Vec<String>, Vec<String>) = agents.into_iter().unzip();
    let rows =
        sqlx::query_file!("sql/store/owners.sql", &numbers, &providers, &agent_ids).fetch_all(connection).await?;
    for row in rows {
        let tenant = TenantFacts {
            id: row.tenant_id,
            region: row.region,
            outreach_delay: row.outreach_delay_ms.map(TimeDelta::milliseconds),
        };
        let owner = Owner { tenant, campaign_id: row.campaign_id };
        match row.provider {
            None => directory.numbers.insert(row.key, owner),
            Some(provider) => directory.agents.insert((provider, row.key), owner),
        };
    }
    Ok(directory)
}
