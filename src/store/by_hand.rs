//! What people set of a lead: columns of their own, which win over what was derived.

use sqlx::PgPool;
use uuid::Uuid;

use super::forgotten;
use super::operator_log::{Action, Line};
use crate::access::Scope;
use crate::crypto::DigestKey;
use crate::domain::lead_id;
use crate::redact::Phone;

/// Whether somebody is to be written to, as a person decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoNotContact {
    /// Never.
    On,
    /// They may be written to, whatever they said.
    Off,
    /// What they said counts.
    Auto,
}

impl DoNotContact {
    fn value(self) -> Option<bool> {
        match self {
            Self::On => Some(true),
            Self::Off => Some(false),
            Self::Auto => None,
        }
    }
}

/// Sets it for the leads that these tenants have of a number; returns how many. `adds`: a tenant that has none gets one.
pub async fn set_do_not_contact(
    pool: &PgPool,
    ids: &DigestKey,
    tenants: &[Uuid],
    number: &Phone,
    value: DoNotContact,
    adds: bool,
    scope: &Scope,
) -> Result<u64, sqlx::Error> {
    let leads: Vec<Uuid> = tenants.iter().map(|tenant_id| lead_id(ids, *tenant_id, number.expose())).collect();
    let mut transaction = pool.begin().await?;
    forgotten::hold_off_erasure(&mut transaction).await?;
    if adds {
        for (id, tenant_id) in leads.iter().zip(tenants) {
            sqlx::query_file!("sql/store/add_lead_by_hand.sql", id, tenant_id, number.expose())
                .execute(&mut *transaction)
                .await?;
        }
    }
    let changed = sqlx::query_file!("sql/store/set_do_not_contact.sql", &leads, value.value())
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    let mut line = Line::of(scope, Action::DoNotContact).rows(changed).with("value", value.value());
    if let ([lead_id], [tenant_id]) = (&leads[..], tenants) {
        line = line.tenant(*tenant_id).with("lead_id", *lead_id);
    }
    line.write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(changed)
}
