//! From groups to what somebody may do, and to the user who they are here.

use std::net::IpAddr;

use sqlx::PgConnection;
use uuid::Uuid;

use super::person::Person;
use super::{Grant, OidcError, Settings};
use crate::access::Actor;
use crate::redact::Email;
use crate::store::directory;
use crate::store::oidc::{self, Identity};
use crate::store::operator_log::{Action, Line};

/// What changes users here: the provider, by what its groups say.
const ACTOR: Actor = Actor::program("oidc");

/// The user who this person is here, with the role that their groups have at this moment.
pub(super) async fn admit(
    connection: &mut PgConnection,
    settings: &Settings,
    person: &Person,
    address: Option<IpAddr>,
) -> Result<Uuid, OidcError> {
    let (email, grant) = (verified_email(settings, person)?, grant(settings, person)?);
    let tenant_id = match grant.tenant.as_deref() {
        Some(slug) => {
            let found = directory::find_tenant(&mut *connection, slug).await.map_err(OidcError::Away)?;
            Some(found.ok_or(OidcError::NoTenant)?)
        }
        None => None,
    };
    let identity = Identity { issuer: &settings.issuer, subject: &person.subject };
    let known = oidc::find(&mut *connection, identity).await.map_err(OidcError::Away)?;
    let id = oidc::put(&mut *connection, identity, email, grant.role, tenant_id).await.map_err(OidcError::Away)?;
    let id = id.ok_or(OidcError::LoginTaken)?;
    let action = match known {
        None => Action::AddUser,
        Some(known) if known.role != Some(grant.role) || known.tenant_id != tenant_id => Action::ChangeRole,
        Some(_) => return Ok(id),
    };
    let line = Line::by(ACTOR, action).tenant(tenant_id).address(address).with("user_id", id).with("role", grant.role);
    line.write(connection).await.map_err(OidcError::Away)?;
    Ok(id)
}

/// Ends what somebody began when they still might come in.
pub(super) async fn shut_out(
    connection: &mut PgConnection,
    settings: &Settings,
    person: &Person,
    address: Option<IpAddr>,
) -> Result<(), OidcError> {
    let identity = Identity { issuer: &settings.issuer, subject: &person.subject };
    let ended = oidc::close_sessions(&mut *connection, identity).await.map_err(OidcError::Away)?;
    if let Some(user_id) = ended.first() {
        let line = Line::by(ACTOR, Action::EndSessions).rows(u64::try_from(ended.len()).unwrap_or(u64::MAX));
        let line = line.address(address).with("user_id", *user_id);
        line.write(connection).await.map_err(OidcError::Away)?;
    }
    Ok(())
}

/// What these groups are given: the highest role, and of two equal ones that for all tenants.
fn grant<'s>(settings: &'s Settings, person: &Person) -> Result<&'s Grant, OidcError> {
    let granted: Vec<&Grant> = person.groups.iter().filter_map(|group| settings.roles.get(group)).collect();
    let Some(role) = granted.iter().map(|grant| grant.role).max() else {
        return settings.default_role.as_ref().ok_or(OidcError::NoRole);
    };
    let mut highest = granted.into_iter().filter(|grant| grant.role == role);
    let first = highest.next().ok_or(OidcError::NoRole)?;
    highest.try_fold(first, |kept, next| match (&kept.tenant, &next.tenant) {
        (None, _) => Ok(kept),
        (_, None) => Ok(next),
        (one, other) if one == other => Ok(kept),
        _ => Err(OidcError::Ambiguous),
    })
}

/// The address, if it is verified and of a domain that may sign in.
fn verified_email<'p>(settings: &Settings, person: &'p Person) -> Result<&'p Email, OidcError> {
    let email = person.email.as_ref().ok_or(OidcError::Unverified)?;
    let domain = email.expose().rsplit('@').next().unwrap_or_default();
    let is_allowed = |allowed: &String| allowed.eq_ignore_ascii_case(domain);
    let may = settings.allowed_domains.is_empty() || settings.allowed_domains.iter().any(is_allowed);
    if may { Ok(email) } else { Err(OidcError::Domain) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::redact::Secret;

    fn given(groups: &[&str], default: Option<&str>) -> Result<String, String> {
        let roles = [("a", "viewer"), ("b", "agent@acme"), ("c", "agent@acme"), ("d", "agent@other"), ("e", "agent")];
        let settings = Settings {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: Secret::new(""),
            redirect_url: String::new(),
            scopes: Vec::new(),
            allowed_domains: vec!["example.com".to_owned()],
            groups_claim: "groups".to_owned(),
            roles: BTreeMap::from(roles.map(|(group, grant)| (group.to_owned(), grant.parse().unwrap()))),
            default_role: default.map(|text| text.parse().unwrap()),
            button: String::new(),
            passwords: true,
            sign_out_at_provider: false,
        };
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let person = Person { subject: Secret::new("1"), email: None, groups };
        grant(&settings, &person).map(Grant::to_string).map_err(|error| error.to_string())
    }

    #[test]
    fn the_highest_role_counts_and_never_a_guess_between_two_tenants() {
        assert_eq!(given(&["a", "b", "unknown"], None), Ok("agent@acme".to_owned()));
        assert_eq!(given(&["b", "c"], None), Ok("agent@acme".to_owned()));
        assert_eq!(given(&["b", "d", "e"], None), Err(OidcError::Ambiguous.to_string()));
        assert_eq!(given(&["b", "e"], None), Ok("agent".to_owned()));
        assert_eq!(given(&["unknown"], None), Err(OidcError::NoRole.to_string()));
        assert_eq!(given(&[], Some("viewer@acme")), Ok("viewer@acme".to_owned()));
        assert_eq!(given(&["e"], Some("admin")), Ok("agent".to_owned()), "the default is for people without a group");
    }
}
