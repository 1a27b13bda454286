//! `serve --setup`: the first minute. An empty database gets a tenant and one connection a platform.

use chrono::TimeDelta;
use sqlx::{Connection, PgPool};

use super::Context;
use super::context::migration_error;
use crate::access::Role;
use crate::admin;
use crate::admin::tokens::{FIRST_TOKEN_DAYS, NewToken, TokenEnd};
use crate::db;
use crate::domain::secret_strength::SecretMaker;
use crate::providers;
use crate::redact::Secret;
use crate::store::directory::{self, NewConnection, unguessable};
use crate::store::operator_log::{Action, Line};
use crate::store::roster;

/// The tenant of an installation that needs no others.
const TENANT: &str = "default";
/// What the first token is called.
const TOKEN: &str = "first token";

/// Migrates, fills an empty database, and says how to go on.
pub(super) async fn run(context: &Context, pool: &PgPool) -> anyhow::Result<()> {
    context.config.database.schema.check(pool).await?;
    db::migrate(pool).await.map_err(migration_error)?;
    let keys = context.keys()?;
    let key = keys.load(pool).await?;
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let mut made = Made::default();
    let tenant_id = match directory::find_tenant(&mut *transaction, TENANT).await? {
        Some(tenant_id) => tenant_id,
        None => {
            let end = TokenEnd::After(TimeDelta::days(FIRST_TOKEN_DAYS.into()));
            let new = NewToken { role: Role::Admin, label: TOKEN.to_owned(), end };
            made.token = Some(admin::tokens::add_within(&mut transaction, key, &context.scope(), new).await?.token);
            let id = directory::add_tenant(&mut *transaction, TENANT, "Default", None).await?;
            Line::of(&context.scope(), Action::AddTenant)
                .tenant(id)
                .with("tenant_id", id)
                .write(&mut transaction)
                .await?;
            id
        }
    };
    // A newer version may know a platform that this database has no connection of.
    let known = roster::connections::list(&mut *transaction).await?;
    for provider in providers::ALL.iter().filter(|provider| !known.iter().any(|row| row.provider == provider.name())) {
        let new = first_connection(*provider, tenant_id);
        let added = directory::add_connection(&mut transaction, &keys, &new).await?;
        let line = Line::of(&context.scope(), Action::AddConnection).tenant(tenant_id).with("connection_id", added.id);
        line.with("provider", provider.name()).write(&mut transaction).await?;
        made.connections.push(MadeConnection { provider: provider.name(), new, url_token: added.url_token });
    }
    transaction.commit().await?;
    say(context, pool, made).await
}

/// What is shown this once.
#[derive(Default)]
struct Made {
    token: Option<Secret>,
    connections: Vec<MadeConnection>,
}

struct MadeConnection {
    provider: &'static str,
    new: NewConnection,
    url_token: Option<Secret>,
}

/// A platform that takes our secret gets one; one that signs with its own waits for that; one that signs nothing gets a
/// secret URL, which sends and does not read.
fn first_connection(provider: &dyn providers::Provider, tenant_id: uuid::Uuid) -> NewConnection {
    let signs = provider.signs();
    let is_ours = signs && provider.secret_maker() == SecretMaker::Us;
    NewConnection {
        tenant_id: Some(tenant_id),
        provider: provider.name().to_owned(),
        slug: "default".to_owned(),
        url_is_secret: !signs,
        is_default: true,
        verify_token: provider.shakes_hands().then(|| Secret::new(unguessable())),
        secret: is_ours.then(|| Secret::new(format!("whsec_{}", unguessable()))),
        ..NewConnection::default()
    }
}

async fn say(context: &Context, pool: &PgPool, made: Made) -> anyhow::Result<()> {
    let base = context.config.http.base_url();
    let rows = roster::connections::list(pool).await?;
    let output = context.output;
    output.say("\nWebhook URLs, to be pasted into the platforms:")?;
    for row in rows.iter().filter(|row| row.disabled_at.is_none()) {
        let is_it = |made: &&MadeConnection| made.provider == row.provider && made.new.slug == row.slug;
        let new = made.connections.iter().find(is_it);
        let (url, remark) = match (new.and_then(|made| made.url_token.as_ref()), row.url_is_secret) {
            (Some(token), _) => (token.expose(), "the URL is a secret, shown this once"),
            (None, true) => ("…", "a secret URL, shown when it was made"),
            (None, false) if row.live_secrets == 0 => (row.slug.as_str(), "waits for the platform's secret"),
            (None, false) => (row.slug.as_str(), "signed"),
        };
        output.say(&format!("  {:<11} {base}/webhooks/{}/{url}  ({remark})", row.provider, row.provider))?;
    }
    output.say("  Give those that wait their platform's secret, such as:")?;
    output.say("    switchhook connection secret --provider retell --slug default --secret-stdin")?;
    output.say("  A new secret URL, or a token for a platform's live requests (who is calling, tools):")?;
    output.say("    switchhook connection url --provider bolna --slug default --live")?;
    for MadeConnection { provider, new, .. } in &made.connections {
        if let Some(secret) = &new.secret {
            output.say(&format!("  The secret for {provider}, shown this once: {}", secret.expose()))?;
        }
        if let Some(token) = &new.verify_token {
            output.say(&format!("  The verify token for {provider}, shown this once: {}", token.expose()))?;
        }
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
