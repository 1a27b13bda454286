//! `make run` and `make demo`: a stranger's first minute, and the second start.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Binary;

/// The program with a private Postgres, as it is without any configuration.
fn command(folder: &Path, port: u16) -> Command {
    let mut command = Binary::command("");
    command
        .env_remove("DATABASE_URL")
        .env_remove("SWITCHHOOK_MASTER_KEY")
        .env("SWITCHHOOK__POSTGRES__DATA_DIR", folder)
        .env("SWITCHHOOK__HTTP__BIND", format!("127.0.0.1:{port}"))
        .stdin(Stdio::null());
    command
}

/// A service that ends with the test, however that ends.
struct Served(std::process::Child);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts it, and returns once it is ready; what it prints goes into a file.
async fn serve(folder: &Path, port: u16, printed: &Path) -> Served {
    let file = std::fs::File::create(printed).unwrap();
    let child = command(folder, port)
        .args(["serve", "--setup"])
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let mut child = Served(child);
    let (client, began) = (crate::support::client(), Instant::now());
    loop {
        let ready = client.get(format!("http://127.0.0.1:{port}/readyz")).send().await;
        if ready.is_ok_and(|response| response.status().is_success()) {
            return child;
        }
        let printed = || std::fs::read_to_string(printed).unwrap();
        assert!(child.0.try_wait().unwrap().is_none(), "it ended: {}", printed());
        assert!(began.elapsed() < Duration::from_secs(60), "not ready: {}", printed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn demo(folder: &Path, port: u16) -> Value {
    let output = command(folder, port).args(["--json", "demo"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn run_and_demo_show_calls_and_leads_and_a_second_run_after_a_kill_finds_them_again() {
    let folder = tempfile::tempdir().unwrap();
    // The unprivileged user of Postgres must be able to enter.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (data, printed) = (folder.path().join("data"), folder.path().join("printed"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();

    let mut first = serve(&data, port, &printed).await;
    let said = std::fs::read_to_string(&printed).unwrap();
    for provider in switchhook::providers::ALL {
        assert!(said.contains(&format!("http://127.0.0.1:{port}/webhooks/{}/", provider.name())), "{said}");
    }
    let token = said.lines().find_map(|line| line.trim().strip_prefix("shk_")).expect("the first token is printed");
    assert!(said.contains("The verify token for whatsapp, shown this once: "), "{said}");
    let shown = demo(&data, port);
    let (calls, leads) = (shown["calls"].as_array().unwrap(), shown["leads"].as_array().unwrap());
    assert!(calls.len() > 40 && leads.len() > 20, "{} calls, {} leads", calls.len(), leads.len());
    let messages = shown["messages"].as_array().unwrap();
    for provider in switchhook::providers::ALL {
        assert!(calls.iter().chain(messages).any(|row| row["provider"] == provider.name()), "{}", provider.name());
    }
    // Nothing is configured: what would have been sent is shown. And who called years ago gets no message.
    let jobs = shown["jobs"].to_string();
    assert!(
        jobs.contains("the call was missed too long ago") && jobs.contains("OpenAI, model (no model is configured)"),
        "{jobs}"
    );
    let story: Vec<&str> =
        shown["story"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    let mut told = story.iter();
    for beginning in [
        "a call comes in",
        "WhatsApp to +15550100142: template missed_call",
        "start_outreach skipped: an outreach to this person is under way",
        "send_reminder done",
        "they write",
        "send_reminder cancelled",
        "OpenAI: analyze_call",
        "all 7 events once more: 0 requests to vendors, 0 jobs more",
    ] {
        assert!(told.any(|line| line.starts_with(beginning)), "{beginning}: {story:#?}");
    }
    // Where credentials are, the samples' jobs would reach people.
    let credentials = [("OPENAI__API_KEY", "sk-EXAMPLE"), ("OPENAI__MODEL", "any")];
    let credentials = credentials.map(|(key, value)| (format!("SWITCHHOOK__INTEGRATIONS__{key}"), value));
    let refused = command(&data, port).envs(credentials).arg("demo").output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("openai configured here"), "{said}");
    let by_token = crate::support::client()
        .get(format!("http://127.0.0.1:{port}/api/v1/leads"))
        .bearer_auth(format!("shk_{token}"))
        .send()
        .await
        .unwrap();
    let mut by_token: Value = serde_json::from_str(&by_token.text().await.unwrap()).unwrap();
    for lead in by_token["items"].as_array_mut().unwrap() {
        assert_eq!(lead.as_object_mut().unwrap().remove("tags"), Some(serde_json::json!([])));
    }
    assert_eq!(by_token["items"], shown["leads"]);

    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let mut second = serve(&data, port, &printed).await;
    let said = std::fs::read_to_string(&printed).unwrap();
    assert!(!said.contains("shk_") && !said.contains("shown this once"), "tokens are made once");
    // The same samples once more: all of them are known, and nothing changes.
    let again = demo(&data, port);
    for table in ["calls", "leads", "messages", "story"] {
        assert_eq!(again[table], shown[table], "{table}");
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(second.0.id()).unwrap()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert!(second.0.wait().unwrap().success());
}
