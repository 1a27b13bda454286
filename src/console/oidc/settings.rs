//! `[oidc]` of the configuration: which identity provider people may sign in with, and what its groups mean here.

use std::collections::BTreeMap;
use std::fmt;

use openidconnect::url::Url;
use serde::Deserialize;

use super::CALLBACK_PATH;
use crate::access::Role;
use crate::redact::Secret;
use crate::urls::is_loopback;

/// A label that is longer breaks the button into lines on a telephone.
const BUTTON_CHARS_MAX: usize = 60;

/// How people sign in with an identity provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The provider's issuer identifier; empty: nobody signs in this way.
    pub issuer: String,
    /// What the provider calls this installation.
    pub client_id: String,
    /// What this installation proves itself with to the provider.
    pub client_secret: Secret,
    /// Where the provider sends people back to; empty: `<http.public_url>/sign-in/oidc/callback`.
    pub redirect_url: String,
    /// What is asked for, beside `openid`.
    pub scopes: Vec<String>,
    /// Domains of verified e-mail addresses that may sign in; empty: all.
    pub allowed_domains: Vec<String>,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
    /// Group to `role` or `role@tenant`.
    pub roles: BTreeMap<String, Grant>,
    /// What people without a mapped group get; `None`: they are refused.
    #[serde(deserialize_with = "maybe_grant")]
    pub default_role: Option<Grant>,
    /// What the button on the sign-in page says.
    pub button: String,
    /// Whether people may sign in with a password, too.
    pub passwords: bool,
    /// Whether signing out here leads to the provider's sign-out.
    pub sign_out_at_provider: bool,
}

/// A role, of one tenant or of all: `agent@acme`, `viewer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The slug of the one tenant that they see; `None`: all.
    pub tenant: Option<String>,
}

impl Settings {
    /// Whether an identity provider is configured.
    pub fn is_enabled(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// Where the provider sends people back to.
    pub fn callback_url(&self, base_url: &str) -> String {
        match self.redirect_url.as_str() {
            "" => format!("{}{CALLBACK_PATH}", base_url.trim_end_matches('/')),
            url => url.to_owned(),
        }
    }

    /// The first mistake: its key within `[oidc]`, and what is wrong. `base_url`: what people reach this program by.
    pub fn mistake(&self, base_url: &str) -> Option<(&'static str, &'static str)> {
        if !self.is_enabled() {
            let is_set = !self.client_id.is_empty() || !self.client_secret.expose().is_empty();
            let is_locked = (!self.passwords).then_some(("passwords", "nobody could sign in: issuer is empty"));
            return is_set.then_some(("issuer", "is empty, and client_id or client_secret is not")).or(is_locked);
        }
        let needed = [("client_id", &*self.client_id), ("client_secret", self.client_secret.expose())];
        if let Some((key, _)) = needed.into_iter().find(|(_, value)| value.trim().is_empty()) {
            return Some((key, "is needed where issuer is set"));
        }
        let Ok(issuer) = Url::parse(&self.issuer) else {
            return Some(("issuer", "not a URL such as https://id.example.com"));
        };
        if !is_plain(&issuer) || issuer.query().is_some() {
            return Some(("issuer", "must be https (http on loopback alone), without a name, a query or a fragment"));
        }
        let is_callback = |url: &Url| is_plain(url) && url.query().is_none() && url.path().ends_with(CALLBACK_PATH);
        if !Url::parse(&self.callback_url(base_url)).is_ok_and(|url| is_callback(&url)) {
            return Some((
                "redirect_url",
                "people must come back over https (http on loopback alone) to a path that ends with \
                 /sign-in/oidc/callback: set it, or http.public_url",
            ));
        }
        if self.allowed_domains.iter().any(|domain| !is_domain(domain)) {
            return Some(("allowed_domains", "domains such as example.com, without @ and *"));
        }
        if self.roles.is_empty() && self.default_role.is_none() {
            return Some(("roles", "nobody could sign in: map a group to a role, or set default_role"));
        }
        if self.groups_claim.trim().is_empty() && !self.roles.is_empty() {
            return Some(("groups_claim", "is needed where groups are mapped to roles"));
        }
        let length = self.button.trim().chars().count();
        if length == 0 || length > BUTTON_CHARS_MAX {
            return Some(("button", "1 to 60 characters"));
        }
        None
    }

    /// The slugs of all tenants that groups lead to.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        self.roles.values().chain(&self.default_role).filter_map(|grant| grant.tenant.as_deref())
    }
}

/// Over TLS, or to this machine; nothing in it that logs or pages would have to hide.
pub(super) fn is_plain(url: &Url) -> bool {
    let is_secure = url.scheme() == "https" || url.scheme() == "http" && is_loopback(url);
    is_secure && url.has_host() && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.contains('.') && text.split('.').all(is_label)
}

impl std::str::FromStr for Grant {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (role, tenant) = match text.trim().split_once('@') {
            Some((role, tenant)) => (role, Some(tenant)),
            None => (text.trim(), None),
        };
        let role = Role::read(role).ok_or("not viewer, agent, operator or admin, with @ and a tenant or without")?;
        if tenant.is_some_and(str::is_empty) {
            return Err("a tenant must follow the @; without one, they see all tenants");
        }
        Ok(Self { role, tenant: tenant.map(str::to_owned) })
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "{}@{tenant}", self.role.as_str()),
            None => f.write_str(self.role.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn maybe_grant<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Grant>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            issuer: "https://id.example.com".to_owned(),
            client_id: "switchhook".to_owned(),
            client_secret: Secret::new("s"),
            redirect_url: String::new(),
            scopes: vec!["email".to_owned()],
            allowed_domains: vec!["example.com".to_owned()],
            groups_claim: "groups".to_owned(),
            roles: BTreeMap::from([("sales".to_owned(), "agent@acme".parse().unwrap())]),
            default_role: None,
            button: "Sign in".to_owned(),
            passwords: true,
            sign_out_at_provider: false,
        }
    }

    /// The key of the mistake after this change.
    fn wrong(change: impl FnOnce(&mut Settings)) -> Option<&'static str> {
        let mut settings = settings();
        change(&mut settings);
        settings.mistake("https://calls.example.com").map(|(key, _)| key)
    }

    #[test]
    fn mistakes_are_found_before_anybody_signs_in() {
        assert_eq!(wrong(|_| ()), None);
        for issuer in ["http://id.example.com", "id.example.com", "https://a:b@id.example.com", "https://i.example/?a"]
        {
            assert_eq!(wrong(|s| s.issuer = issuer.to_owned()), Some("issuer"), "{issuer}");
        }
        assert_eq!(wrong(|s| s.issuer = "http://127.0.0.1:9".to_owned()), None);
        assert_eq!(wrong(|s| s.issuer = String::new()), Some("issuer"), "a client without a provider");
        assert_eq!(wrong(|s| s.client_secret = Secret::new("")), Some("client_secret"));
        assert_eq!(wrong(|s| s.redirect_url = "https://calls.example.com/".to_owned()), Some("redirect_url"));
        assert_eq!(settings().mistake("http://calls.example.com").map(|(key, _)| key), Some("redirect_url"));
        assert_eq!(wrong(|s| s.allowed_domains = vec!["@example.com".to_owned()]), Some("allowed_domains"));
        assert_eq!(wrong(|s| s.roles.clear()), Some("roles"));
        assert_eq!(wrong(|s| s.groups_claim.clear()), Some("groups_claim"));
        assert_eq!(wrong(|s| s.button = "x".repeat(61)), Some("button"));
        let alone = |s: &mut Settings| {
            *s = Settings {
                issuer: String::new(),
                client_id: String::new(),
                client_secret: Secret::new(""),
                ..s.clone()
            };
            s.passwords = false;
        };
        assert_eq!(wrong(alone), Some("passwords"));
    }

    #[test]
    fn a_grant_is_a_role_of_one_tenant_or_of_all() {
        let read = |text: &str| text.parse::<Grant>();
        assert_eq!(read("agent@acme").unwrap(), Grant { role: Role::Agent, tenant: Some("acme".to_owned()) });
        assert_eq!(read("viewer").unwrap().to_string(), "viewer");
        assert!(["", "root", "agent@", "@acme"].iter().all(|text| read(text).is_err()));
    }
}
