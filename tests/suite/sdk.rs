//! Answers to the platforms' questions, held against the types of their own SDKs. Where these cannot be installed (no
//! Python, no registry) the test says so and ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{TestApp, fixtures};

/// How long an installation may take, in seconds.
const INSTALL_SECONDS: &str = "180";

/// A Python that has the SDKs, made once a checkout.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/sdk");
    let python = folder.join("bin/python");
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if !python.exists() && !run(Command::new("python3").args(["-m", "venv"]).arg(&folder)) {
        return None;
    }
    let list = root.join("tests/sdk/requirements.txt");
    let mut install = Command::new("timeout");
    install.arg(INSTALL_SECONDS).arg(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(list);
    run(&mut install).then_some(python)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_fit_the_types_of_the_platforms_sdks() {
    let Some(python) = tokio::task::spawn_blocking(python).await.unwrap() else {
        println!("skipped: the SDKs cannot be installed here");
        return;
    };
    let app = TestApp::spawn().await;
    let mut lines = String::new();
    let mut asked = 0;
    for fixture in fixtures().into_iter().filter(|fixture| ["retell", "elevenlabs"].contains(&fixture.provider.name()))
    {
        let answer = app.post(fixture.provider, fixture.body).await;
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        // Functions are answered in a form of ours; webhooks with their outcome.
        let is_told = ["call_inbound", "chat_inbound", "response_data", "dynamic_variables"]
            .iter()
            .any(|key| answer.get(*key).is_some());
        if is_told {
            lines.push_str(&json!({ "provider": fixture.provider.name(), "answer": answer }).to_string());
            lines.push('\n');
            asked += 1;
        }
    }
    assert!(asked >= 5, "only {asked} questions among the samples");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/validate.py");
    let validate = |lines: &str| {
        let mut child = Command::new(&python)
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = validate(&lines);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), asked.to_string());
    // It can fail: a number where the SDK has a text.
    let wrong =
        json!({ "provider": "retell", "answer": { "call_inbound": { "dynamic_variables": { "total_calls": 2 } } } });
    assert!(!validate(&wrong.to_string()).status.success());
}
