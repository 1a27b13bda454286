//! What is sent: Retell's `call_ended`, 1.5 KB, each of a call of its own with a transcript of its own. Numbers are of
//! the range reserved for fiction.

use switchhook::clock::Clock;
use switchhook::providers;
use switchhook::redact::Secret;

/// The number of callers: each calls again and again.
const CALLERS: usize = 10_000;
/// What stands for the number of the call in [`template`].
pub const CALL: &str = "@call@";
/// What stands for the number of the caller.
pub const CALLER: &str = "@caller@";

/// The id of a call.
pub fn call_id(number: usize) -> String {
    format!("call_{number:024}")
}

/// The body of an event, with [`CALL`] and [`CALLER`] where those belong.
pub fn template(event: &str) -> String {
    let said = "Agent: Good morning, this is the front desk, how can I help you today?\\nUser: Hello, I would like to \
                move my appointment to another day, if that is possible at all.\\nAgent: Of course. Which day suits \
                you best, and do you prefer the morning or the afternoon?\\nUser: Thursday morning would be best, \
                but not before nine. And please send me a confirmation.\\nAgent: Thursday at half past nine it is. \
                You will get a message in a minute. Is there anything else?\\nUser: No, that was all, thank you. Have a nice day.\\nAgent: \
                Thank you for calling, and see you on Thursday.";
    let subject = if event.starts_with("chat_") { "chat" } else { "call" };
    format!(
        r#"{{"event":"{event}","{subject}":{{"{subject}_id":"call_{CALL}","call_type":"phone_call","agent_id":"agent_3f7b1c9d2e","agent_name":"Front desk","agent_version":3,"call_status":"ended","direction":"inbound","from_number":"+1555010{CALLER}","to_number":"+15550109999","start_timestamp":1788254100000,"end_timestamp":1788254160000,"duration_ms":60000,"disconnection_reason":"user_hangup","retell_llm_dynamic_variables":{{"customer_name":"Sample Caller","language":"en-US"}},"metadata":{{"order":"{CALL}","source":"bench"}},"opt_out_sensitive_data_storage":false,"call_cost":{{"combined_cost":14.25,"total_duration_seconds":60,"product_costs":[{{"product":"voice","cost":9.5}},{{"product":"model","cost":4.75}}]}},"latency":{{"e2e":{{"p50":780,"p90":1120,"p99":1630,"max":1811,"num":7}}}},"transcript":"{CALL}\n{said}"}},"event_timestamp":1788254161000}}"#
    )
    .replace('\n', "\\n")
}

/// The body of one call's event.
pub fn body(template: &str, number: usize) -> String {
    template.replace(CALL, &format!("{number:024}")).replace(CALLER, &format!("{:04}", number % CALLERS))
}

/// SQL for the body of the call whose number is the SQL expression `number`.
pub fn body_sql(template: &str, number: &str) -> String {
    let template = template.replace('\'', "''");
    format!(
        "replace(replace('{template}', '{CALL}', lpad(({number})::text, 24, '0')), '{CALLER}', \
         lpad((({number}) % {CALLERS})::text, 4, '0'))"
    )
}

/// Whole HTTP requests, signed now, for the calls of these numbers.
pub fn requests(numbers: std::ops::Range<usize>, secret: &Secret) -> anyhow::Result<Vec<Vec<u8>>> {
    let template = template("call_ended");
    signed("/webhooks/retell", numbers.map(|number| body(&template, number)), secret)
}

/// Whole HTTP requests with these bodies, signed now as Retell does.
pub fn signed(path: &str, bodies: impl Iterator<Item = String>, secret: &Secret) -> anyhow::Result<Vec<Vec<u8>>> {
    let retell = providers::find("retell").ok_or_else(|| anyhow::anyhow!("no such platform: retell"))?;
    let now = Clock::system().now();
    let request = |body: String| {
        let sent = retell.sign(&body, Some(secret), now);
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
            sent.content_type,
            sent.body.len()
        );
        for (name, value) in &sent.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&sent.body);
        request.into_bytes()
    };
    Ok(bodies.map(request).collect())
}
