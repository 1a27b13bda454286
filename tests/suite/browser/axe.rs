//! axe-core, which finds what keeps somebody from using a page. It comes from the npm registry, once a checkout.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Browser;

/// What is held against the pages.
const VERSION: &str = "axe-core@4.14.1";
/// How long its installation may take, in seconds.
const INSTALL_SECONDS: &str = "120";
/// Faults that fail a test.
const GRAVE: [&str; 2] = ["serious", "critical"];
const RUN: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then(
        found => done(found.violations.map(one => ({
            impact: one.impact, rule: one.id, help: one.help,
            places: one.nodes.slice(0, 5).map(node => node.target.join(' ') + ': ' + node.failureSummary),
        }))),
        error => done(String(error)))";

static SOURCE: OnceCell<Option<String>> = OnceCell::const_new();

/// Fails if the open page has a serious or critical fault.
pub async fn assert_usable(browser: &Browser, name: &str) {
    assert_usable_but_for(browser, name, &[]).await;
}

/// The same, but for rules that a page which is not ours breaks.
pub async fn assert_usable_but_for(browser: &Browser, name: &str, theirs: &[&str]) {
    let Some(found) = faults(browser).await else {
        println!("skipped: {VERSION} cannot be had here (no npm, or no registry)");
        return;
    };
    let is_grave = |fault: &&Value| GRAVE.iter().any(|word| fault["impact"] == *word);
    let is_ours = |fault: &&Value| !theirs.iter().any(|rule| fault["rule"] == *rule);
    let grave: Vec<&Value> = found.iter().filter(is_grave).filter(is_ours).collect();
    assert!(grave.is_empty(), "{name}: {}", serde_json::to_string_pretty(&grave).unwrap());
}

/// All that axe finds; `None`: it is not to be had.
pub async fn faults(browser: &Browser) -> Option<Vec<Value>> {
    let source = SOURCE.get_or_init(|| async { tokio::task::spawn_blocking(fetch).await.unwrap() }).await;
    browser.script(source.as_ref()?, json!([])).await;
    let found = browser.script_async(RUN, json!([])).await;
    Some(found.as_array().unwrap_or_else(|| panic!("axe: {found}")).clone())
}

fn fetch() -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    let package = std::fs::read_to_string(folder.join("node_modules/axe-core/package.json")).unwrap_or_default();
    let package: Value = serde_json::from_str(&package).unwrap_or_default();
    if format!("axe-core@{}", package["version"].as_str().unwrap_or_default()) != VERSION {
        let mut install = Command::new("timeout");
        install.args([INSTALL_SECONDS, "npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]);
        install.arg("--silent").arg("--prefix").arg(&folder).arg(VERSION);
        std::fs::create_dir_all(&folder).unwrap();
        install.status().ok().filter(std::process::ExitStatus::success)?;
    }
    Some(std::fs::read_to_string(script).unwrap())
}
