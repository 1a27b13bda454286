//! `trigger`: sends a sample to the running service, signed as its platform would.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use serde::Serialize;

use super::failure::Usage;
use super::sender::{self, Access, Answer};
use super::{Context, input};
use crate::clock::Clock;
use crate::providers::{self, Provider, Sample};
use crate::store::connections::{self, Connection};

/// What is sent.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The platform
    #[arg(value_parser = input::provider())]
    provider: String,
    /// An event type of it, or the name of a sample; without one, the samples are listed
    event: Option<String>,
    /// The connection that it is sent to [default: the platform's default connection, or its only one]
    #[arg(long, value_name = "SLUG")]
    connection: Option<String>,
    /// Where the service is [default: http.bind]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// A sample, and what it is.
#[derive(Clone, Debug, Serialize)]
struct Listed {
    #[serde(skip)]
    body: &'static str,
    name: &'static str,
    event_type: String,
}

pub(super) async fn run(args: &Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let provider = providers::find(&args.provider)
        .ok_or_else(|| Usage::error(format!("there is no platform {}", args.provider)))?;
    let clock = Clock::system();
    let samples: Vec<Listed> = provider.samples().iter().map(|sample| listed(provider, sample, &clock)).collect();
    let Some(event) = &args.event else {
        context.output.list(&["event type", "sample"], &samples, |sample| {
            vec![sample.event_type.clone(), sample.name.to_owned()]
        })?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(sample) = pick(&samples, event) else {
        let mut types: Vec<&str> = samples.iter().map(|sample| sample.event_type.as_str()).collect();
        types.sort_unstable();
        types.dedup();
        return Err(Usage::error(format!(
            "{} has no sample of {event}; it has: {} (and by name: `switchhook trigger {0}`)",
            args.provider,
            types.join(", ")
        )));
    };
    let pool = context.ready_pool().await?;
    let keys = context.keys()?;
    let all = connections::all(&pool, &keys).await?;
    let connection = choose(&all, &args.provider, args.connection.as_deref())?;
    let base_url = args.url.clone().unwrap_or_else(|| local_url(context.config.http.bind));
    let client = sender::client()?;
    let access = Access::to(&pool, &context.scope(), &keys, connection, provider).await?;
    let answer = sender::send(&client, &base_url, &access, provider, sample.body, clock.now()).await;
    access.end(&pool).await?;
    let answer = answer?;
    context.output.one(&answer, |answer| told(sample, answer))?;
    Ok(if answer.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told(sample: &Listed, answer: &Answer) -> String {
    let Listed { name, event_type, .. } = sample;
    let mut text = format!("{event_type} ({name}): {}", answer.status);
    for part in [&answer.outcome, &answer.event_id, &answer.detail].into_iter().flatten() {
        text.push(' ');
        text.push_str(part);
    }
    text
}

/// A sample with the type that it would have in the inbox.
fn listed(provider: &dyn Provider, sample: &Sample, clock: &Clock) -> Listed {
    let outgoing = provider.sign(sample.body, None, clock.now());
    let mut headers = actix_web::http::header::HeaderMap::new();
    headers.insert(
        actix_web::http::header::CONTENT_TYPE,
        actix_web::http::header::HeaderValue::from_static(outgoing.content_type),
    );
    let delivery = providers::Delivery { query: "", headers: &headers, body: outgoing.body.as_bytes() };
    let event_type = match providers::Document::read(provider, &delivery) {
        Ok(document) => document.envelope.event_type,
        Err(_) => "unreadable".to_owned(),
    };
    Listed { body: sample.body, name: stem(sample.name), event_type }
}

/// By file, with or without its number and its ending; else the first of this type.
fn pick<'s>(samples: &'s [Listed], event: &str) -> Option<&'s Listed> {
    let wanted = stem(event);
    samples
        .iter()
        .find(|sample| sample.name == wanted || without_number(sample.name) == wanted)
        .or_else(|| samples.iter().find(|sample| sample.event_type == event))
}

fn stem(name: &str) -> &str {
    [".json", ".txt"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

fn without_number(name: &str) -> &str {
    name.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('_')
}

/// The named connection; else the default one, as the door has it; else the only one.
fn choose<'c>(all: &'c [Connection], provider: &str, slug: Option<&str>) -> anyhow::Result<&'c Connection> {
    let mut of_provider = all.iter().filter(|connection| connection.provider == provider);
    if let Some(slug) = slug {
        return of_provider
            .find(|connection| connection.slug == slug)
            .ok_or_else(|| anyhow::anyhow!("{provider} has no connection of this slug in use"));
    }
    let candidates: Vec<&Connection> = of_provider.collect();
    let default = candidates.iter().find(|connection| connection.is_default);
    match (default.or(candidates.iter().find(|connection| connection.slug == "default")), candidates.as_slice()) {
        (Some(connection), _) => Ok(connection),
        (None, [connection]) => Ok(connection),
        (None, []) => anyhow::bail!("{provider} has no connection in use: add one with `switchhook connection add`"),
        (None, _) => anyhow::bail!("{provider} has several connections: name one with --connection"),
    }
}

/// Where this machine reaches what listens there: a service that listens everywhere listens on loopback, too.
pub(super) fn local_url(bind: SocketAddr) -> String {
    let address = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), bind.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), bind.port()),
        _ => bind,
    };
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_found_by_type_and_by_name() {
        let retell = providers::find("retell").unwrap();
        let samples: Vec<Listed> =
            retell.samples().iter().map(|sample| listed(retell, sample, &Clock::system())).collect();
        for (event, name) in [
            ("call_started", "01_call_started_phone"),
            ("14_call_ended_web_call", "14_call_ended_web_call"),
            ("14_call_ended_web_call.json", "14_call_ended_web_call"),
            ("call_ended_web_call", "14_call_ended_web_call"),
        ] {
            assert_eq!(pick(&samples, event).map(|sample| sample.name), Some(name));
        }
        assert!(pick(&samples, "nothing").is_none());
    }

    #[test]
    fn every_sample_of_every_platform_can_be_read() {
        for provider in providers::ALL {
            for sample in provider.samples() {
                assert_ne!(listed(*provider, sample, &Clock::system()).event_type, "unreadable", "{}", sample.name);
            }
        }
    }

    #[test]
    fn a_service_that_listens_everywhere_is_reached_on_loopback() {
        assert_eq!(local_url("0.0.0.0:8080".parse().unwrap()), "http://127.0.0.1:8080");
        assert_eq!(local_url("[::]:80".parse().unwrap()), "http://[::1]:80");
        assert_eq!(local_url("192.0.2.1:80".parse().unwrap()), "http://192.0.2.1:80");
    }
}
