//! A scope: who asks, of which tenant, and what they may see of it. There is no other way to the rows of people.

use std::fmt;
use std::net::IpAddr;

use serde_json::Value;
use uuid::Uuid;

use super::{Right, Role};
use crate::redact::Phone;

/// What is behind a request or a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A script.
    Token,
    /// A person.
    User,
    /// The command line, with the name of the operating system's user; empty: it has none.
    Cli(&'static str),
    /// A part of the program that acts by its own schedule, such as `retention`.
    Program(&'static str),
    /// A request that proved nothing, such as a failed sign-in.
    Nobody,
}

/// The token, user, command or part of the program that acts. Its `Display` is what stands in the operator log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// What it is.
    pub kind: ActorKind,
    /// The id of the token or user; nil: it has none.
    pub id: Uuid,
}

impl Actor {
    /// A request that proved nothing.
    pub const NOBODY: Self = Self { kind: ActorKind::Nobody, id: Uuid::nil() };

    /// The command line, run by this user of the operating system.
    pub const fn cli(os_user: &'static str) -> Self {
        Self { kind: ActorKind::Cli(os_user), id: Uuid::nil() }
    }

    /// A part of the program that acts by its own schedule.
    pub const fn program(part: &'static str) -> Self {
        Self { kind: ActorKind::Program(part), id: Uuid::nil() }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ActorKind::Token => write!(f, "token {}", self.id),
            ActorKind::User => write!(f, "user {}", self.id),
            ActorKind::Cli(_) => f.write_str("cli"),
            ActorKind::Program(part) => f.write_str(part),
            ActorKind::Nobody => f.write_str("nobody"),
        }
    }
}

/// Who asks, with which rights, and the one tenant that they may see, or all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scope {
    actor: Actor,
    role: Role,
    tenant_id: Option<Uuid>,
    address: Option<IpAddr>,
}

/// A scope of exactly one tenant: what lists of people take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TenantScope {
    scope: Scope,
    tenant_id: Uuid,
    is_of_all: bool,
}

impl Scope {
    /// The scope of a token or user. `tenant_id`: the one tenant that it may see; `None`: all.
    pub fn new(actor: Actor, role: Role, tenant_id: Option<Uuid>) -> Self {
        Self { actor, role, tenant_id, address: None }
    }

    /// The scope of the command line: everything, of all tenants.
    pub fn cli(os_user: &'static str) -> Self {
        Self::new(Actor::cli(os_user), Role::Admin, None)
    }

    /// With the address that the request came from.
    #[must_use]
    pub fn at(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// The address that the request came from; `None`: it came by the command line.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Who asks.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// What they are.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The one tenant; `None`: all. What statements take.
    pub fn tenant_id(&self) -> Option<Uuid> {
        self.tenant_id
    }

    /// Whether they have a right.
    pub fn may(&self, right: Right) -> bool {
        self.role.may(right)
    }

    /// Narrowed to a tenant; `None`: it is not theirs.
    pub fn within(self, tenant_id: Uuid) -> Option<TenantScope> {
        match self.tenant_id {
            Some(own) if own != tenant_id => None,
            own => Some(TenantScope {
                scope: Self { tenant_id: Some(tenant_id), ..self },
                tenant_id,
                is_of_all: own.is_none(),
            }),
        }
    }

    /// A telephone number, or its last four digits.
    pub fn number(&self, number: &mut Option<String>) {
        if !self.may(Right::SeeWhole)
            && let Some(text) = number
        {
            *text = Phone::new(std::mem::take(text)).to_string();
        }
    }

    /// A name, or its first letter.
    pub fn name(&self, name: &mut Option<String>) {
        if !self.may(Right::SeeWhole)
            && let Some(text) = name
        {
            *text = text.chars().take(1).chain(['…']).collect();
        }
    }

    /// An e-mail address, or that there is one.
    pub fn email(&self, email: &mut Option<String>) {
        self.hide(Right::SeeWhole, email);
    }

    /// What was said or written, or that there is something.
    pub fn spoken(&self, text: &mut Option<String>) {
        self.hide(Right::ReadTranscripts, text);
    }

    /// What was extracted of it.
    pub fn data(&self, data: &mut Option<Value>) {
        if !self.may(Right::ReadTranscripts) && data.is_some() {
            *data = Some(Value::String(HIDDEN.to_owned()));
        }
    }

    /// A link to a recording.
    pub fn link(&self, link: &mut Option<String>) {
        self.hide(Right::Listen, link);
    }

    fn hide(&self, right: Right, text: &mut Option<String>) {
        if !self.may(right) && text.is_some() {
            *text = Some(HIDDEN.to_owned());
        }
    }
}

/// What stands where something is that one may not see.
const HIDDEN: &str = "[hidden]";

impl TenantScope {
    /// The tenant.
    pub fn tenant(&self) -> Uuid {
        self.tenant_id
    }

    /// Whether the actor sees all tenants, and not this one alone.
    pub fn is_of_all(&self) -> bool {
        self.is_of_all
    }

    /// Who asks, of this tenant alone.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(role: Role, tenant_id: Option<Uuid>) -> Scope {
        Scope::new(Actor { kind: ActorKind::Token, id: Uuid::from_u128(7) }, role, tenant_id)
    }

    #[test]
    fn a_scope_narrows_and_never_widens() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(scope(Role::Admin, Some(own)).within(other), None);
        for wide in [None, Some(own)] {
            let narrow = scope(Role::Admin, wide).within(own).unwrap();
            assert_eq!((narrow.tenant(), narrow.scope().tenant_id()), (own, Some(own)));
        }
    }

    #[test]
    fn a_viewer_sees_that_there_is_something_and_an_agent_what() {
        let seen = |role| {
            let scope = scope(role, None);
            let (mut number, mut name) = (Some("+15550100123".to_owned()), Some("Dana Levi".to_owned()));
            let (mut email, mut spoken) = (Some("dana@example.com".to_owned()), Some("hello".to_owned()));
            scope.number(&mut number);
            scope.name(&mut name);
            scope.email(&mut email);
            scope.spoken(&mut spoken);
            [number, name, email, spoken].map(Option::unwrap).join(" ")
        };
        assert_eq!(seen(Role::Viewer), "***0123 D… [hidden] [hidden]");
        assert_eq!(seen(Role::Agent), "+15550100123 Dana Levi dana@example.com hello");
        let mut nothing = None;
        scope(Role::Viewer, None).spoken(&mut nothing);
        assert_eq!(nothing, None);
    }
}
