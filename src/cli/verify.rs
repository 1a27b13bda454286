//! `verify`: whether a captured request proves its sender, without a service and without a database.

use std::path::PathBuf;
use std::process::ExitCode;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::failure::Usage;
use super::{Context, cells, input};
use crate::clock::Clock;
use crate::providers::{self, Credentials, Delivery, Document, Provider, Refusal};
use crate::redact::Secret;

/// The request.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The platform
    #[arg(value_parser = input::provider())]
    provider: String,
    /// A file with the secret; may be repeated, any of them proves
    #[arg(long, value_name = "FILE", required = true)]
    secret_file: Vec<PathBuf>,
    /// A file with the body, byte for byte
    #[arg(long, value_name = "FILE")]
    body_file: PathBuf,
    /// A header of the request; may be repeated
    #[arg(long, value_name = "Name: value", value_parser = input::header)]
    header: Vec<(String, Secret)>,
    /// The query string of the request, without the question mark
    #[arg(long, default_value = "", hide_default_value = true)]
    query: String,
    /// When it came in: signatures are good for a few minutes [default: now]
    #[arg(long, value_name = "RFC3339")]
    at: Option<DateTime<Utc>>,
}

pub(super) fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let provider = providers::find(&args.provider)
        .ok_or_else(|| Usage::error(format!("there is no platform {}", args.provider)))?;
    let body = std::fs::read(&args.body_file).with_context(|| args.body_file.display().to_string())?;
    let secrets = args.secret_file.iter().map(|path| input::secret_from_file(path)).collect::<Result<_, _>>()?;
    let credentials = Credentials { secrets, ..Credentials::default() };
    let headers = header_map(&args.header)?;
    let delivery = Delivery { query: &args.query, headers: &headers, body: &body };
    let now = args.at.unwrap_or_else(|| Clock::system().now());
    match admit(provider, &delivery, &credentials, now) {
        Ok(document) => {
            let envelope = &document.envelope;
            let shown = json!({
                "proven": true,
                "provider": provider.name(),
                "event_type": envelope.event_type,
                "subject": envelope.subject,
                "occurred_at": envelope.occurred_at,
                "external_event_id": document.external_event_id,
            });
            context.output.one(&shown, |_| {
                let fields = [
                    ("event", format!("{}/{}", provider.name(), envelope.event_type)),
                    ("about", cells::text_or_dash(envelope.subject.as_deref())),
                    ("occurred", cells::time_or_dash(envelope.occurred_at)),
                    ("external id", document.external_event_id.clone()),
                ];
                format!("proven\n{}", fields.map(|(name, value)| format!("{name:<16}{value}")).join("\n"))
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Err(refusal) => {
            let hint = hint(provider, &delivery, &credentials, now);
            let shown = json!({ "proven": false, "reason": refusal.inward(), "hint": hint });
            context.output.one(&shown, |_| match hint {
                Some(hint) => format!("{}\n({hint})", refusal.inward()),
                None => refusal.inward(),
            })?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The steps of the door: media type, proof, reading.
fn admit(
    provider: &dyn Provider,
    delivery: &Delivery<'_>,
    credentials: &Credentials,
    now: DateTime<Utc>,
) -> Result<Document, Refusal> {
    if !provider.accepts(delivery.media_type().as_deref()) {
        return Err(Refusal::Unreadable("this media type is not read".to_owned()));
    }
    providers::verify_webhook(provider, delivery, credentials, now)?;
    Document::read(provider, delivery)
}

/// What is often wrong with a capture, where that is what is wrong.
fn hint(
    provider: &dyn Provider,
    delivery: &Delivery<'_>,
    credentials: &Credentials,
    now: DateTime<Utc>,
) -> Option<&'static str> {
    let trimmed = delivery.body.strip_suffix(b"\n")?;
    let trimmed = Delivery { body: trimmed.strip_suffix(b"\r").unwrap_or(trimmed), ..*delivery };
    admit(provider, &trimmed, credentials, now)
        .is_ok()
        .then_some("without the newline at the end of the body file it is proven: the capture added it")
}

fn header_map(pairs: &[(String, Secret)]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value.expose())?);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_with_a_newline_too_many_is_explained() {
        let retell = providers::find("retell").unwrap();
        let (now, secret) = (DateTime::UNIX_EPOCH, Secret::new("s3cret"));
        let body = retell.samples()[0].body.trim_end();
        let outgoing = retell.sign(body, Some(&secret), now);
        let pairs: Vec<_> = outgoing.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        let headers = header_map(&pairs).unwrap();
        let credentials = Credentials { secrets: vec![secret], ..Credentials::default() };
        let delivery = Delivery { query: "", headers: &headers, body: body.as_bytes() };
        assert_eq!(admit(retell, &delivery, &credentials, now).unwrap().envelope.event_type, "call_started");
        let longer = format!("{body}\r\n");
        let delivery = Delivery { body: longer.as_bytes(), ..delivery };
        assert!(admit(retell, &delivery, &credentials, now).is_err());
        assert!(hint(retell, &delivery, &credentials, now).is_some());
    }
}
