//! `/setup/connections`: sources of webhooks. A secret URL, a token and a secret are shown once, on the answer to the form
//! that made them: never in a URL of ours, never again. The form names the id of what it makes, so that sending it twice
//! makes it once.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use uuid::Uuid;

use super::{PLACE, done, is_shown, said};
use crate::admin::AdminError;
use crate::admin::sources::{self, AddedSource, NewSource, OVERLAP_HOURS, Rotated, Rotation, source_url};
use crate::console::Console;
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page, see_other};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::domain::secret_strength::SecretMaker;
use crate::providers::{self, LiveRequests};
use crate::redact::Secret;
use crate::store::roster::connections::{self, ConnectionRow, SecretRow};
use crate::store::source_tokens::TokenUse;

/// Where this page is.
pub(super) const PATH: &str = "/setup/connections";

#[derive(Template)]
#[template(path = "setup_connections.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    /// The event that was put in as a test: where it is.
    tested: Option<String>,
    /// The connection that has the secret which was given.
    rotated: Option<String>,
    rows: Vec<Row>,
    platforms: Vec<Platform>,
    shown: Option<Shown>,
    overlap_hours: u64,
}

struct Platform {
    name: &'static str,
    shown: String,
    signs: bool,
}

struct Row {
    row: ConnectionRow,
    platform: String,
    /// To be pasted; none where it is a secret.
    url: Option<String>,
    /// Whether webhooks and live requests can be verified, and what they need.
    needs: Vec<(&'static str, String)>,
    secrets: Vec<SecretLine>,
    /// Whether a secret can be given or made.
    has_secret: bool,
    /// Whether the platform takes a secret of ours.
    is_ours: bool,
    takes_live_token: bool,
    /// When the one that works ends, while the newest has never verified anything.
    working_ends: Option<When>,
    /// The id of what the next form makes.
    next: Uuid,
}

struct SecretLine {
    title: &'static str,
    added: When,
    ends: Option<When>,
    has_ended: bool,
    used: Option<When>,
}

/// What is shown this once.
#[derive(Default)]
struct Shown {
    title: String,
    url: Option<String>,
    url_is_secret: bool,
    secret: Option<String>,
    /// For live requests, in a header.
    live_token: Option<String>,
    verify_token: Option<String>,
    ending: u64,
    /// A line that sends a sample.
    trigger: Option<String>,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Connections").await?;
    answer(shell, &visit.console, None).await
}

/// Adds a connection; the answer shows what is shown once.
pub(in crate::dashboard) async fn add(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Connections").await?;
    let name = visit.form.get("provider").unwrap_or_default();
    let provider = providers::find(name).ok_or(Fault::unfit("Choose a platform."))?;
    let addresses = visit.form.get("allowed_addresses").unwrap_or_default().split([',', ' ', '\n', '\r']);
    let new = NewSource {
        tenant_id: Some(shell.within().tenant()),
        provider: provider.name().to_owned(),
        slug: visit.form.owned("slug"),
        secret: visit.form.owned("secret").map(Secret::new),
        allowed_addresses: addresses.filter(|text| !text.is_empty()).map(str::to_owned).collect(),
        region: visit.form.owned("region").map(|region| region.to_uppercase()),
        ..NewSource::default()
    };
    let console = &visit.console;
    let made = sources::add(console.pool(), shell.within().scope(), console.keys(), new).await?;
    let shown = made_shown(made, provider.name(), &console.base_url);
    answer(shell, &visit.console, Some(shown)).await
}

/// Gives a connection a further secret. One that was made here is shown once, on the answer; else the page says that it was
/// done.
pub(in crate::dashboard) async fn rotate(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Connections").await?;
    let secret = visit.form.owned("secret").map(Secret::new);
    let (console, rotation) = (&visit.console, rotation(&visit.form)?);
    let rotated = sources::add_secret(console.pool(), &shell.scope, console.keys(), *id, secret, rotation).await;
    let Rotated { secret, ending } = match rotated {
        Err(AdminError::Repeated) => return Ok(done(&shell, PATH, "repeated")),
        rotated => rotated?,
    };
    let Some(secret) = secret else {
        return Ok(see_other(&shell.to(&format!("{PATH}?rotated={}", *id))));
    };
    let shown = Shown {
        title: format!("{} has a new secret", name_of(&visit.console, *id).await?),
        secret: Some(secret.into_exposed()),
        ending,
        ..Shown::default()
    };
    answer(shell, &visit.console, Some(shown)).await
}

/// Makes a new secret URL, or a token for live requests; the answer shows it once.
pub(in crate::dashboard) async fn new_url(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Connections").await?;
    let is_live = visit.form.is_set("live");
    let usage = if is_live { TokenUse::Live } else { TokenUse::Webhook };
    let (console, rotation) = (&visit.console, rotation(&visit.form)?);
    let made = sources::add_token(console.pool(), &shell.scope, console.keys(), *id, usage, rotation).await;
    let made = match made {
        Err(AdminError::Repeated) => return Ok(done(&shell, PATH, "repeated")),
        made => made?,
    };
    let what = if is_live { "a new token for live requests" } else { "a new secret URL" };
    let shown = Shown {
        title: format!("{} has {what}", name_of(&visit.console, *id).await?),
        url: Some(source_url(&console.base_url, &made.provider, &made.token, usage)),
        url_is_secret: true,
        live_token: is_live.then(|| made.token.into_exposed()),
        ending: made.ending,
        ..Shown::default()
    };
    answer(shell, &visit.console, Some(shown)).await
}

/// What a form says of the old ones, and the id of the new one.
fn rotation(form: &Params) -> Result<Rotation, Fault> {
    let overlap_hours = match form.get("overlap_hours") {
        None => OVERLAP_HOURS,
        Some(text) => text.parse().map_err(|_| Fault::unfit("The hours are a number, 0 to 744."))?,
    };
    let id = form.get("new").and_then(|text| text.parse().ok()).unwrap_or_else(Uuid::now_v7);
    Ok(Rotation::after_hours(id, overlap_hours, form.is_set("even_unreplaced")))
}

async fn name_of(console: &Console, id: Uuid) -> Result<String, Fault> {
    let rows = connections::list(&mut *console.begin().await?).await?;
    let row = rows.into_iter().find(|row| row.id == id).ok_or(Fault::NotFound)?;
    Ok(format!("{} {}", show::platform(&row.provider), row.slug))
}

/// Takes a connection out of use.
pub(in crate::dashboard) async fn disable(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Connections").await?;
    sources::set_disabled(visit.console.pool(), &shell.scope, *id, true).await?;
    Ok(done(&shell, PATH, "disabled"))
}

/// Takes a connection into use again.
pub(in crate::dashboard) async fn enable(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Connections").await?;
    sources::set_disabled(visit.console.pool(), &shell.scope, *id, false).await?;
    Ok(done(&shell, PATH, "enabled"))
}

async fn answer(shell: Shell, console: &Console, shown: Option<Shown>) -> Result<HttpResponse, Fault> {
    let mut transaction = console.begin().await?;
    let mut rows = connections::list(&mut *transaction).await?;
    rows.retain(|row| is_shown(&shell, row.tenant.as_deref()));
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let secrets = connections::secrets(&mut *transaction, &ids).await?;
    drop(transaction);
    let rotated: Option<Uuid> = shell.params.get("rotated").and_then(|text| text.parse().ok());
    let rotated = rows.iter().find(|row| Some(row.id) == rotated);
    let rotated = rotated.map(|row| format!("{} {}", show::platform(&row.provider), row.slug));
    let tested: Option<Uuid> = shell.params.get("event").and_then(|text| text.parse().ok());
    page(&Page {
        said: said(&shell),
        tested: tested.map(|id| shell.to(&format!("/operations/events/{id}"))),
        rotated,
        rows: rows.into_iter().map(|row| row_of(row, &secrets, console, &shell)).collect(),
        platforms: providers::ALL
            .iter()
            .map(|provider| Platform {
                name: provider.name(),
                shown: show::platform(provider.name()).to_owned(),
                signs: provider.signs(),
            })
            .collect(),
        shown,
        overlap_hours: OVERLAP_HOURS,
        shell,
    })
}

fn row_of(row: ConnectionRow, secrets: &[SecretRow], console: &Console, shell: &Shell) -> Row {
    let url = format!("{}/webhooks/{}/{}", console.base_url, row.provider, row.slug);
    let (webhooks, live) = providers::needs_of(&row);
    let kind = providers::source_kind(&row.provider);
    let tag = |need: &str| if ["never", "nothing"].contains(&need) { "bad" } else { "good" };
    let mut needs = vec![(tag(&webhooks), format!("Webhooks need: {webhooks}"))];
    if providers::find(&row.provider).is_some_and(|provider| provider.live_requests() != LiveRequests::None) {
        let tag = if live == "never" { "" } else { tag(&live) };
        needs.push((tag, format!("Live requests need: {live}")));
    }
    let own = secrets.iter().filter(|secret| secret.connection_id == row.id);
    let mut newest = Vec::new();
    let lines = own.map(|secret| {
        let is_newest = !newest.contains(&secret.usage.as_str());
        newest.push(secret.usage.as_str());
        SecretLine {
            title: match (secret.usage.as_str(), is_newest) {
                ("webhook", true) => "Newest secret URL",
                ("webhook", false) => "Old secret URL",
                ("live", true) => "Newest live token",
                ("live", false) => "Old live token",
                (_, true) => "Newest secret",
                (_, false) => "Old secret",
            },
            added: When::of(&secret.created_at, shell),
            ends: When::maybe(secret.expires_at, shell),
            has_ended: !secret.is_live,
            used: When::maybe(secret.last_used_at, shell),
        }
    });
    Row {
        platform: show::platform(&row.provider).to_owned(),
        url: (!row.url_is_secret).then_some(url),
        needs,
        secrets: lines.collect(),
        has_secret: kind.is_some_and(|kind| kind.signs) || row.live_secrets > 0,
        is_ours: kind.is_some_and(|kind| kind.secret_maker == SecretMaker::Us),
        takes_live_token: kind.is_some_and(|kind| kind.takes_live_token),
        working_ends: When::maybe(row.working_ends_at, shell),
        next: Uuid::now_v7(),
        row,
    }
}

fn made_shown(made: AddedSource, provider: &str, base_url: &str) -> Shown {
    Shown {
        title: format!("{} {} may send now", show::platform(provider), made.slug),
        trigger: Some(format!("switchhook trigger {provider} --connection {}", made.slug)),
        url: Some(made.url(base_url, provider).into_exposed()),
        url_is_secret: made.url_token.is_some(),
        secret: made.secret.map(Secret::into_exposed),
        verify_token: made.verify_token.map(Secret::into_exposed),
        ..Shown::default()
    }
}
