//! `serve --setup`: the first minute. An empty database gets a tenant and one connection a platform.

use chrono::TimeDelta;
use sqlx::{Connection, PgPool};

use super::Context;
use super::context::migration_error;
use crate::access::Role;
use crate::clock::Clock;
use crate::console::keys::FIRST_TOKEN_DAYS;
use crate::db;
use crate::providers;
use crate::redact::Secret;
use crate::store::directory::{self, NewConnection, unguessable};
use crate::store::operator_log::{Action, Line};
use crate::store::{connections, roster, tokens};

/// The tenant of an installation that needs no others.
const TENANT: &str = "default";
/// What the first token is called.
const TOKEN: &str = "first token";

/// Migrates, fills an empty database, and says how to go on.
pub(super) async fn run(context: &Context, pool: &PgPool) -> anyhow::Result<()> {
    db::migrate(pool).await.map_err(migration_error)?;
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let mut made = Made::default();
    let tenant_id = match directory::find_tenant(&mut *transaction, TENANT).await? {
        Some(tenant_id) => tenant_id,
        None => {
            let ends = Clock::system().now() + TimeDelta::days(FIRST_TOKEN_DAYS.into());
            let (id, token) = tokens::add(&mut *transaction, None, Role::Admin, TOKEN, Some(ends)).await?;
            let line = Line::of(&context.scope(), Action::AddToken).with("token_id", id).with("expires_at", ends);
            line.with("label", TOKEN).with("role", Role::Admin).write(&mut transaction).await?;
            made.token = Some(token);
            directory::add_tenant(&mut *transaction, TENANT, "Default", None).await?
        }
    };
    // A newer version may know a platform that this database has no connection of.
    let known = roster::connections::list(&mut *transaction).await?;
    for provider in providers::ALL.iter().filter(|provider| !known.iter().any(|row| row.provider == provider.name())) {
        let new = first_connection(*provider, tenant_id);
        directory::add_connection(&mut transaction, &new).await?;
        made.verify_tokens.extend(new.verify_token.map(|token| (provider.name(), token)));
    }
    transaction.commit().await?;
    say(context, pool, made).await
}

/// What is shown this once.
#[derive(Default)]
struct Made {
    token: Option<Secret>,
    verify_tokens: Vec<(&'static str, Secret)>,
}

/// A platform that signs gets a secret, to be replaced by the platform's own; one that does not, an unguessable URL.
fn first_connection(provider: &dyn providers::Provider, tenant_id: uuid::Uuid) -> NewConnection {
    let signs = provider.signs();
    NewConnection {
        tenant_id: Some(tenant_id),
        provider: provider.name().to_owned(),
        slug: if signs { "default".to_owned() } else { unguessable() },
        url_is_secret: !signs,
        is_default: true,
        verify_token: provider.shakes_hands().then(|| Secret::new(unguessable())),
        secret: signs.then(|| Secret::new(format!("whsec_{}", unguessable()))),
        ..NewConnection::default()
    }
}

async fn say(context: &Context, pool: &PgPool, made: Made) -> anyhow::Result<()> {
    let base = context.config.http.base_url();
    let mut all = connections::all(pool).await?;
    all.sort_by(|a, b| a.provider.cmp(&b.provider).then(a.slug.cmp(&b.slug)));
    let output = context.output;
    output.say("\nWebhook URLs, to be pasted into the platforms:")?;
    for connection in &all {
        let proof = if connection.url_is_secret { "the URL is the secret" } else { "signed" };
        let url = format!("{base}/webhooks/{}/{}", connection.provider, connection.slug);
        output.say(&format!("  {:<11} {url}  ({proof})", connection.provider))?;
    }
    output.say("  Give the signing ones their platform's secret, such as:")?;
    output.say("    switchhook connection secret --provider retell --slug default --secret-stdin")?;
    for (provider, token) in &made.verify_tokens {
        output.say(&format!("  The verify token for {provider}, shown this once: {}", token.expose()))?;
    }
    if let Some(token) = made.token {
        output.say(&format!("\nThe first API token, shown this once; it ends in {FIRST_TOKEN_DAYS} days:"))?;
        output.say(&format!("  {}", token.expose()))?;
        output.say("\nTry, in a second terminal:")?;
        output.say("  make demo")?;
        output.say(&format!("  curl -H 'Authorization: Bearer {}' {base}/api/v1/calls", token.expose()))?;
        output.say(&format!("The pages are at {base}/ ; sign in with this token."))?;
        output.say("Before it ends: `switchhook user add`, or `switchhook token add --role admin`.\n")?;
    } else {
        output.say("\nTry, in a second terminal:\n  make demo")?;
        output.say(&format!("The pages are at {base}/\n"))?;
    }
    Ok(())
}
