//! `tenant set`, `unset`, `settings`: what a tenant has of its own.

use anyhow::Context as _;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::failure::Usage;
use super::{Context, cells, input, owner};
use crate::admin::settings;
use crate::crypto::purpose;
use crate::nearest::{self, hint};
use crate::store::roster::tenants::{self, Own};
use crate::urls;

/// What is set.
#[derive(Debug, clap::Args)]
pub struct SetArgs {
    /// The tenant
    slug: String,
    /// The key, such as integrations.whatsapp.template, outreach.delay or time_zone
    key: String,
    /// The value; lists are parted by commas; @FILE is read from that file, as befits a secret
    value: String,
}

/// What is taken away.
#[derive(Debug, clap::Args)]
pub struct UnsetArgs {
    /// The tenant
    slug: String,
    /// The key
    key: String,
}

pub(super) async fn set(args: SetArgs, pool: &PgPool, context: &Context) -> anyhow::Result<()> {
    let value = match args.value.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).with_context(|| file.to_owned())?.trim().to_owned(),
        None => args.value,
    };
    change(&args.slug, &args.key, Some(&value), pool, context).await
}

pub(super) async fn unset(args: &UnsetArgs, pool: &PgPool, context: &Context) -> anyhow::Result<()> {
    change(&args.slug, &args.key, None, pool, context).await
}

async fn change(slug: &str, key: &str, value: Option<&str>, pool: &PgPool, context: &Context) -> anyhow::Result<()> {
    let tenant_id = owner::tenant(pool, slug).await?;
    let mut own = tenants::own(pool, tenant_id).await?;
    match key {
        "region" => own.region = value.map(input::region).transpose().map_err(Usage::error)?,
        "time_zone" => {
            if let Some(name) = value
                && !tenants::is_time_zone(pool, name).await?
            {
                let meant = hint(nearest::time_zone(name));
                return Err(Usage::error(format!("there is no time zone {name}: write it as Europe/Madrid{meant}")));
            }
            own.time_zone = value.map(str::to_owned);
        }
        _ => {
            let changed = context.config.with_tenant_setting(&own.settings, key, value, &context.keys()?);
            own.settings = changed.map_err(|error| Usage::error(error.to_string()))?;
        }
    }
    // The delay is needed where events are processed, without a look at the settings.
    if key == "outreach.delay" {
        let counts = context
            .config
            .for_tenant(&own.settings, &context.keys()?)
            .map_err(|error| Usage::error(error.to_string()))?;
        own.outreach_delay_seconds = value.map(|_| counts.outreach.delay.as_secs_f64());
    }
    settings::set(pool, &context.scope_of(tenant_id)?, &own, key, value.is_some()).await?;
    context.output.one(&json!({ "tenant": slug, "key": key, "set": value.is_some() }), |_| {
        format!("{key} of {slug} is {}", if value.is_some() { "set" } else { "the configuration's again" })
    })
}

pub(super) async fn show(slug: &str, pool: &PgPool, context: &Context) -> anyhow::Result<()> {
    let tenant_id = owner::tenant(pool, slug).await?;
    let own = tenants::own(pool, tenant_id).await?;
    let shown = masked(&own);
    context.output.one(&shown, |shown| {
        let mut lines = Vec::new();
        flatten("", shown, &mut lines);
        if lines.is_empty() { "(nothing of its own)".to_owned() } else { lines.join("\n") }
    })
}

fn masked(own: &Own) -> Value {
    let mut shown = own.settings.clone();
    for secret in purpose::SETTINGS {
        let pointer = format!("/{}", secret.replace('.', "/"));
        if let Some(value) = shown.pointer_mut(&pointer) {
            *value = json!("[redacted]");
        }
    }
    mask_urls(&mut shown);
    if let Value::Object(shown) = &mut shown {
        shown.extend(own.region.clone().map(|region| ("region".to_owned(), json!(region))));
        shown.extend(own.time_zone.clone().map(|zone| ("time_zone".to_owned(), json!(zone))));
    }
    shown
}

/// Credentials within URLs are masked wherever they stand.
fn mask_urls(value: &mut Value) {
    match value {
        Value::String(text) => *text = urls::masked(text),
        Value::Array(items) => items.iter_mut().for_each(mask_urls),
        Value::Object(object) => object.values_mut().for_each(mask_urls),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, lines);
            }
        }
        value => lines.push(format!("{prefix} = {}", cells::text_or_dash(Some(&value.to_string())))),
    }
}
