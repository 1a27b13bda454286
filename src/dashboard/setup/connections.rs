//! `/setup/connections`: who may send. A URL that is a secret, and a secret, are shown once, on the answer to the form
//! that made them: never in a URL of ours, never again.

use actix_web::web::{Bytes, Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use uuid::Uuid;

use super::{PLACE, done, is_shown, said};
use crate::console::senders::{MadeSender, NewSender, OVERLAP_HOURS, Rotated};
use crate::console::{Console, Entry};
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::show;
use crate::dashboard::when::When;
use crate::providers;
use crate::redact::Secret;
use crate::store::roster::connections::{self, ConnectionRow, SecretRow};

/// Where this page is.
pub(super) const PATH: &str = "/setup/connections";

#[derive(Template)]
#[template(path = "setup_connections.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    /// The event that was put in as a test: where it is.
    tested: Option<String>,
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
    proof: (&'static str, &'static str),
    secrets: Vec<SecretLine>,
    signs: bool,
}

struct SecretLine {
    added: When,
    ends: Option<When>,
    has_ended: bool,
    used: Option<When>,
}

/// What is shown this once.
struct Shown {
    title: String,
    url: Option<String>,
    url_is_secret: bool,
    secret: Option<String>,
    verify_token: Option<String>,
    ending: u64,
    /// A line that sends a sample.
    trigger: Option<String>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Connections").await?;
    answer(shell, &console, None).await
}

/// Adds a connection; the answer shows what is shown once.
pub(in crate::dashboard) async fn add(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Connections").await?;
    let name = form.get("provider").unwrap_or_default();
    let provider = providers::find(name).ok_or(Fault::unfit("Choose a platform."))?;
    let secret = form.owned("secret").map(Secret::new);
    // What signs nothing is known by its URL, whatever name somebody had in mind.
    let has_proof = provider.signs() || secret.is_some();
    let made = console.add_sender(
        shell.within(),
        NewSender {
            provider: provider.name().to_owned(),
            signs: provider.signs(),
            shakes_hands: provider.shakes_hands(),
            slug: form.owned("slug").filter(|_| has_proof),
            secret,
            allowed_addresses: form
                .get("allowed_addresses")
                .unwrap_or_default()
                .split([',', ' ', '\n', '\r'])
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .collect(),
            region: form.owned("region").map(|region| region.to_uppercase()),
        },
    );
    let made = made.await?;
    let shown = made_shown(made, provider.name());
    answer(shell, &console, Some(shown)).await
}

/// Gives a connection a further secret; the answer shows it once, if it was made here.
pub(in crate::dashboard) async fn rotate(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Connections").await?;
    let hours = match form.get("overlap_hours") {
        None => OVERLAP_HOURS,
        Some(text) => text.parse().map_err(|_| Fault::unfit("The hours are a number, 0 to 744."))?,
    };
    let secret = form.owned("secret").map(Secret::new);
    let Rotated { secret, ending } = console.rotate_secret(&shell.scope, *id, secret, hours).await?;
    let shown = Shown {
        title: "The connection has a new secret".to_owned(),
        url: None,
        url_is_secret: false,
        secret: secret.map(Secret::into_exposed),
        verify_token: None,
        ending,
        trigger: None,
    };
    answer(shell, &console, Some(shown)).await
}

/// Takes a connection out of use.
pub(in crate::dashboard) async fn disable(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Connections").await?;
    console.set_sender_disabled(&shell.scope, *id, true).await?;
    Ok(done(&shell, PATH, "disabled"))
}

/// Takes a connection into use again.
pub(in crate::dashboard) async fn enable(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Connections").await?;
    console.set_sender_disabled(&shell.scope, *id, false).await?;
    Ok(done(&shell, PATH, "enabled"))
}

async fn answer(shell: Shell, console: &Console, shown: Option<Shown>) -> Result<HttpResponse, Fault> {
    let mut transaction = console.begin().await?;
    let mut rows = connections::list(&mut *transaction).await?;
    rows.retain(|row| is_shown(&shell, row.tenant.as_deref()));
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let secrets = connections::secrets(&mut *transaction, &ids).await?;
    drop(transaction);
    let tested: Option<Uuid> = shell.params.get("event").and_then(|text| text.parse().ok());
    page(&Page {
        said: said(&shell),
        tested: tested.map(|id| shell.to(&format!("/operations/events/{id}"))),
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

fn row_of(mut row: ConnectionRow, secrets: &[SecretRow], console: &Console, shell: &Shell) -> Row {
    let url = format!("{}/webhooks/{}/{}", console.base_url, row.provider, row.slug);
    let url = (!row.url_is_secret).then_some(url);
    if row.url_is_secret {
        row.slug = row.slug.chars().take(4).chain(['…']).collect();
    }
    let proof = match &row {
        ConnectionRow { live_secrets: 1.., .. } => ("good", "Proven by its secret"),
        ConnectionRow { header_name: Some(_), .. } => ("good", "Proven by a header"),
        ConnectionRow { url_is_secret: true, .. } => ("good", "Proven by its URL"),
        ConnectionRow { allow_unsigned: true, .. } => ("bad", "Anybody may send to it"),
        _ => ("bad", "Has no secret: refuses all"),
    };
    let lines = secrets.iter().filter(|secret| secret.connection_id == row.id).map(|secret| SecretLine {
        added: When::of(&secret.created_at, shell),
        ends: When::maybe(secret.expires_at, shell),
        has_ended: secret.expires_at.is_some_and(|at| at <= shell.now),
        used: When::maybe(secret.last_used_at, shell),
    });
    Row {
        platform: show::platform(&row.provider).to_owned(),
        url,
        proof,
        secrets: lines.collect(),
        signs: providers::find(&row.provider).is_some_and(|provider| provider.signs()),
        row,
    }
}

fn made_shown(made: MadeSender, provider: &str) -> Shown {
    let url = made.url.into_exposed();
    let slug = url.rsplit('/').next().unwrap_or_default();
    Shown {
        title: format!("{} may send now", show::platform(provider)),
        trigger: Some(format!("switchhook trigger {provider} --connection {slug}")),
        url: Some(url),
        url_is_secret: made.url_is_secret,
        secret: made.secret.map(Secret::into_exposed),
        verify_token: made.verify_token.map(Secret::into_exposed),
        ending: 0,
    }
}
