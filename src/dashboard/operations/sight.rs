//! What of the queues one looks at: those of all tenants, for who sees all, or what is one tenant's; and which events a
//! form or a URL means.

use uuid::Uuid;

use crate::access::Scope;
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::Shell;
use crate::dashboard::show;
use crate::inbox::search::State;
use crate::inbox::{Filter, Outcome};

/// Events that can be named one by one: a page of them fits into a URL.
pub(super) const IDS_MAX: usize = 200;

/// Of all tenants, or of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// Who asks, as far as they look.
    pub(super) scope: Scope,
    /// Whether it is all tenants.
    pub(super) is_all: bool,
    /// Whether they could look at all, and at one alone.
    pub(super) may_choose: bool,
}

impl Sight {
    /// What these parameters ask for.
    pub(super) fn of(shell: &Shell, params: &Params) -> Self {
        let is_wide = shell.scope.tenant_id().is_none();
        let is_all = is_wide && params.get("of") != Some("tenant");
        let scope = if is_all { shell.scope } else { *shell.within().scope() };
        Self { scope, is_all, may_choose: is_wide && !shell.tenants.is_empty() }
    }

    /// The tenant; `None`: all.
    pub(super) fn tenant_id(&self) -> Option<Uuid> {
        self.scope.tenant_id()
    }

    /// A path with these parameters, of the same sight.
    pub(super) fn link(&self, shell: &Shell, path: &str, params: &[(&str, &str)]) -> String {
        let is_narrow = self.may_choose && !self.is_all;
        let mut query = Params::default();
        for (name, value) in params {
            query = query.with(name, Some(value));
        }
        let tenant = (!shell.tenants.is_empty()).then_some(shell.tenant.slug.as_str());
        let query = query.with("of", is_narrow.then_some("tenant")).with("tenant", tenant);
        format!("{path}{}", query.query())
    }
}

/// The events that a URL or a form means.
pub(super) fn filter(params: &Params, sight: &Sight, shell: &Shell) -> Result<Filter, Fault> {
    let moment = |name: &str, is_end: bool| match params.get(name) {
        None => Ok(None),
        Some(text) => show::read_moment(text, shell.zone, is_end)
            .map(Some)
            .ok_or(Fault::unfit("A time is a day such as 2026-11-21, or RFC 3339.")),
    };
    let ids: Vec<Uuid> = params.all("id").map(uuid).collect::<Result<_, _>>()?;
    if ids.len() > IDS_MAX {
        return Err(Fault::unfit(format!("At most {IDS_MAX} can be named at once; use a filter.")));
    }
    Ok(Filter {
        provider: params.owned("provider"),
        event_type: params.owned("type"),
        tenant_id: sight.tenant_id(),
        since: moment("from", false)?,
        until: moment("until", true)?,
        ids,
        connection_id: params.get("connection").map(uuid).transpose()?,
        last_error: params.owned("error"),
    })
}

/// The state that a URL or a form means.
pub(super) fn state(word: &str) -> Result<State, Fault> {
    match word {
        "pending" => Ok(State::Pending),
        word => outcome(word).map(State::Settled),
    }
}

/// The outcome of this word.
pub(super) fn outcome(word: &str) -> Result<Outcome, Fault> {
    let known = [Outcome::Processed, Outcome::Ignored, Outcome::Dead];
    known.into_iter().find(|outcome| outcome.as_str() == word).ok_or(Fault::NotFound)
}

/// An id in a URL or a form.
pub(super) fn uuid(text: &str) -> Result<Uuid, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}

/// How an outcome is marked.
pub(super) fn tag(outcome: Option<&str>) -> (&'static str, String) {
    match outcome {
        None => ("warn", "Pending".to_owned()),
        Some("dead") => ("bad", "Dead".to_owned()),
        Some("processed" | "done") => ("good", show::words(outcome.unwrap_or_default())),
        Some(other) => ("", show::words(other)),
    }
}
