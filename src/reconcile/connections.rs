//! Which connection a key belongs to. A key opens one account of a platform, and its calls must end up with one tenant:
//! where that is not clear, nobody guesses.

use std::collections::HashMap;

use sqlx::PgPool;
use uuid::Uuid;

use crate::integrations::platforms;
use crate::providers;

/// A connection whose platform can be asked.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its id.
    pub connection_id: Uuid,
    /// Its tenant; `None`: shared.
    pub tenant_id: Option<Uuid>,
    /// The platform.
    pub provider: &'static str,
    /// As people name it: `retell/main`.
    pub name: String,
    /// Whether the key is the tenant's own, rather than that of the house.
    pub has_own_key: bool,
}

/// The connections in use of all platforms that can be asked.
pub async fn candidates(pool: &PgPool) -> Result<Vec<Candidate>, sqlx::Error> {
    let names: Vec<String> = platforms::ALL.iter().map(|name| (*name).to_owned()).collect();
    let rows = sqlx::query_file!("sql/reconcile/connections.sql", &names).fetch_all(pool).await?;
    let candidates = rows.into_iter().filter_map(|row| {
        Some(Candidate {
            connection_id: row.id,
            tenant_id: row.tenant_id,
            provider: providers::find(&row.provider)?.name(),
            name: format!("{}/{}", row.provider, row.slug),
            has_own_key: row.has_own_key,
        })
    });
    Ok(candidates.collect())
}

/// Those that alone may use their key: the one connection of a tenant with a key of its own, the one connection of all
/// others with the key of the house. Then the names of those that are left out.
pub fn unambiguous(candidates: Vec<Candidate>) -> (Vec<Candidate>, Vec<String>) {
    let key = |candidate: &Candidate| (candidate.provider, candidate.tenant_id.filter(|_| candidate.has_own_key));
    let mut sharing: HashMap<(&'static str, Option<Uuid>), usize> = HashMap::new();
    for candidate in &candidates {
        *sharing.entry(key(candidate)).or_default() += 1;
    }
    let (alone, together): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| sharing.get(&key(candidate)) == Some(&1));
    (alone, together.into_iter().map(|candidate| candidate.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(provider: &'static str, number: u128, tenant: Option<u128>, has_own_key: bool) -> Candidate {
        Candidate {
            connection_id: Uuid::from_u128(number),
            tenant_id: tenant.map(Uuid::from_u128),
            provider,
            name: format!("{provider}/{number}"),
            has_own_key,
        }
    }

    #[test]
    fn no_key_is_used_for_two_connections() {
        let (alone, together) = unambiguous(vec![
            candidate("retell", 1, Some(1), true),
            candidate("retell", 2, Some(2), true),
            candidate("retell", 3, Some(3), false),
            candidate("bolna", 4, Some(1), false),
            candidate("bolna", 5, Some(2), false),
            candidate("dialpad", 6, Some(1), true),
            candidate("dialpad", 7, Some(1), true),
            candidate("dialpad", 8, None, false),
        ]);
        let alone: Vec<u128> = alone.iter().map(|candidate| candidate.connection_id.as_u128()).collect();
        assert_eq!(alone, [1, 2, 3, 8]);
        assert_eq!(together, ["bolna/4", "bolna/5", "dialpad/6", "dialpad/7"]);
    }
}
