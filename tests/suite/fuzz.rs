//! schemathesis against the API: requests made out of its own document, as every role. No 500, nothing that the document
//! does not say, nothing beyond the role or the tenant. `make fuzz-api` asks for longer.

use std::path::{Path, PathBuf};
use std::process::Command;

use switchhook::access::Role;
use switchhook::providers;
use switchhook::store::tokens;
use uuid::Uuid;

use crate::access::{self, MARK, NUMBER, OTHER};
use crate::support::{TENANT, TestApp};

/// How long an installation may take, in seconds.
const INSTALL_SECONDS: &str = "180";
/// How long one role may take, in seconds.
const RUN_SECONDS: &str = "240";
/// Requests of a route in the fuzzing phase, when nobody says; the coverage phase is the same at every time.
const EXAMPLES: &str = "12";
/// A schemathesis, made once a checkout.
fn schemathesis() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/fuzz");
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if !folder.join("bin/python").exists() && !run(Command::new("python3").args(["-m", "venv"]).arg(&folder)) {
        return None;
    }
    let list = root.join("tests/fuzz/requirements.txt");
    let mut install = Command::new("timeout");
    install.arg(INSTALL_SECONDS).arg(folder.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(list);
    run(&mut install).then(|| folder.join("bin/schemathesis"))
}

/// Who asks.
#[derive(Clone, Copy)]
struct Asking<'a> {
    role: Role,
    /// `None`: all.
    tenant_id: Option<Uuid>,
    /// What must never be heard.
    secrets: &'a [&'a str],
    /// Whom the checks take them for.
    taken_for: Role,
    /// Further words for schemathesis.
    only: &'a [&'a str],
}

impl<'a> Asking<'a> {
    fn of(role: Role, tenant_id: Option<Uuid>, secrets: &'a [&'a str]) -> Self {
        Self { role, tenant_id, secrets, taken_for: role, only: &[] }
    }
}

/// Runs it. `Err`: what it found.
async fn fuzz(program: &Path, asking: &Asking<'_>) -> Result<(), String> {
    let settings = [("CONSOLE__REQUESTS_PER_MINUTE", "1000000")];
    let app = access::one_of_everything_in(TestApp::spawn_with(&settings, providers::registry()).await).await;
    access::set_up(&app).await;
    let (id, token, _) =
        tokens::add(&app.pool, app.keys.digests().unwrap(), asking.tenant_id, asking.role, "fuzz", None).await.unwrap();
    let kinds = ["calls", "leads", "messages", "analytics", "campaigns", "events", "jobs", "tokens"];
    let kinds = kinds.iter().chain(&["attributions", "recording"]);
    let known = kinds.zip(0x1001..).map(|(kind, number)| format!("{kind}={}", Uuid::from_u128(number)));
    let tenant = if asking.tenant_id == Some(OTHER) { "other" } else { "default" };
    let rest = [format!("connections={}", app.connection_id("retell")), format!("tenant={tenant}")];
    let named = [("slug", tenant), ("number", NUMBER), ("provider", "retell"), ("agent", MARK), ("login", MARK)];
    let named = named.iter().map(|(name, value)| format!("{name}={value}"));
    let known = known.chain(rest).chain(named).collect::<Vec<_>>().join(",");
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let mut command = Command::new("timeout");
    command.arg(setting("SWITCHHOOK_FUZZ_SECONDS", RUN_SECONDS)).arg(program);
    command.arg("--config-file").arg(folder.join("schemathesis.toml")).arg("run");
    command.arg(format!("{}/api/v1/openapi.json", app.base));
    command.arg("--header").arg(format!("Authorization: Bearer {}", token.expose()));
    command.arg("--no-color").args(["--max-examples", &setting("SWITCHHOOK_FUZZ_EXAMPLES", EXAMPLES)]);
    // The same requests at every time, unless somebody names a seed.
    match std::env::var("SWITCHHOOK_FUZZ_SEED") {
        Ok(seed) => command.args(["--seed", &seed]),
        Err(_) => command.arg("--generation-deterministic"),
    };
    command.args(asking.only).env("FUZZ_ROLE", asking.taken_for.as_str()).env("FUZZ_TOKEN_ID", id.to_string());
    command.env("FUZZ_SECRETS", asking.secrets.join(",")).env("FUZZ_KNOWN", known);
    command.env("PYTHONPATH", &folder).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(std::env::temp_dir());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_role_hears_a_500_or_what_the_document_does_not_say_or_what_is_not_theirs() {
    let Some(program) = tokio::task::spawn_blocking(schemathesis).await.unwrap() else {
        println!("skipped: schemathesis cannot be installed here");
        return;
    };
    let mut failures = Vec::new();
    let whole = ["+15550100123", "hello from", "they said", "https://example.com/"];
    for (role, tenant_id, secrets) in [
        (Role::Viewer, Some(TENANT), &whole[..]),
        (Role::Agent, Some(TENANT), &[]),
        (Role::Operator, Some(TENANT), &[]),
        (Role::Admin, Some(TENANT), &[]),
        (Role::Admin, Some(OTHER), &[MARK]),
        (Role::Admin, None, &[]),
    ] {
        let start = std::time::Instant::now();
        let found = fuzz(&program, &Asking::of(role, tenant_id, secrets)).await;
        println!("{role:?} of {tenant_id:?}: {:?}", start.elapsed());
        failures.extend(found.err().map(|found| format!("{role:?} of {tenant_id:?}: {found}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // It can fail: who is not what the checks take them for, and who hears what is secret.
    let only = ["--include-path", "/api/v1/dead", "--phases", "coverage"];
    let operator = Asking { only: &only, ..Asking::of(Role::Operator, Some(TENANT), &[]) };
    let found = fuzz(&program, &Asking { taken_for: Role::Viewer, ..operator }).await.unwrap_err();
    assert!(found.contains("operator is needed, viewer heard"), "{found}");
    let found = fuzz(&program, &Asking { secrets: &[MARK], ..operator }).await.unwrap_err();
    assert!(found.contains("operator heard"), "{found}");
}
