//! `secrets`: the keys that secrets in the database are sealed under.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::{Context, cells};
use crate::admin::secrets;
use crate::crypto::{self, Keys};

/// What is done.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Print a fresh master key; nothing is changed, and it is kept nowhere
    NewKey,
    /// Say which master keys are given, and how many secrets are sealed under each; exit code 1 if one is missing
    Status,
    /// Seal everything anew under the newest master key, beside the running service; broken off, it goes on the next time
    Rotate,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::NewKey => {
            let key = crypto::new_master_key();
            context.output.one(&json!({ "key": key.expose() }), |_| key.expose().to_owned())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Status => status(context).await,
        Command::Rotate => rotate(context).await,
    }
}

/// Secrets of a column under a key.
#[derive(Debug, Serialize)]
struct Use {
    /// The id of the master key; null: in clear.
    key: Option<String>,
    /// `newest`, `older`, `missing`, or `none` for what stands in clear.
    given: &'static str,
    /// Table and column; null: the key seals nothing.
    column: Option<&'static str>,
    secrets: u64,
}

async fn status(context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let keys = context.keys()?;
    let found = secrets::uses(&pool).await?;
    let missing = secrets::missing(&found, &keys);
    let mut uses: Vec<Use> = found
        .into_iter()
        .map(|((key, column), secrets)| Use { given: given(&keys, key.as_deref()), key, column: Some(column), secrets })
        .collect();
    for id in keys.master_ids() {
        if !uses.iter().any(|found| found.key.as_deref() == Some(id)) {
            uses.push(Use { key: Some(id.to_owned()), given: given(&keys, Some(id)), column: None, secrets: 0 });
        }
    }
    context.output.list(&["key", "given", "column", "secrets"], &uses, |found| {
        let key = found.key.clone().unwrap_or_else(|| "(in clear)".to_owned());
        vec![key, found.given.to_owned(), cells::text_or_dash(found.column), found.secrets.to_string()]
    })?;
    context.output.say(&verdict(&uses, &missing))?;
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn given(keys: &Keys, id: Option<&str>) -> &'static str {
    match id.map(|id| keys.master_ids().position(|given| given == id)) {
        None => "none",
        Some(None) => "missing",
        Some(Some(0)) => "newest",
        Some(Some(_)) => "older",
    }
}

/// What is to be done.
fn verdict(uses: &[Use], missing: &[String]) -> String {
    let older = |is_used| move |found: &&Use| found.given == "older" && (found.secrets > 0) == is_used;
    let needless: Vec<&str> = uses.iter().filter(older(false)).filter_map(|found| found.key.as_deref()).collect();
    if !missing.is_empty() {
        return format!(
            "Secrets under {} cannot be opened: give that key as well, after the newest.",
            missing.join(", ")
        );
    }
    if uses.iter().any(|found| found.given == "none") || uses.iter().any(|found| older(true)(&found)) {
        return "`switchhook secrets rotate` seals everything under the newest key.".to_owned();
    }
    match needless.is_empty() {
        true => "Everything is sealed under the newest key.".to_owned(),
        false => format!("Nothing needs {} any more: it may be taken away.", needless.join(", ")),
    }
}

async fn rotate(context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let keys = context.keys()?;
    let rotation = secrets::rotate(&pool, &context.scope(), &keys).await?;
    let resealed: Vec<_> =
        rotation.resealed.iter().map(|(column, rows)| json!({ "column": column, "rows": rows })).collect();
    let left: Vec<_> = rotation
        .left
        .iter()
        .map(|left| {
            let why = left
                .error
                .as_ref()
                .map_or_else(|| "was changed meanwhile: run this again".to_owned(), ToString::to_string);
            json!({ "column": left.column, "id": left.id, "why": why })
        })
        .collect();
    context.output.one(&json!({ "resealed": resealed, "left": left }), |_| {
        let rows = rotation.resealed.iter().map(|(column, rows)| format!("{column}: {rows} sealed anew"));
        let left = left.iter().map(|left| {
            let text = |key: &str| left[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}: left as it is: {}", text("column"), text("id"), text("why"))
        });
        rows.chain(left).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if rotation.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
