//! `connection add`: who sends, to whom it belongs, and what proves it.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use sqlx::PgPool;

use super::failure::Usage;
use super::verify_token::VerifyToken;
use super::{Output, input, owner};
use crate::config::Config;
use crate::redact::Secret;
use crate::store::directory::{self, NewConnection, unguessable};
use crate::{db, providers};

/// Shorter slugs can be guessed.
const MIN_SECRET_SLUG_CHARS: usize = 20;

/// The connection.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("owner").required(true).args(["tenant", "shared"])))]
#[command(group(clap::ArgGroup::new("proof").args(["secret_stdin", "secret_file", "allow_unsigned", "url_is_secret"])))]
pub struct Args {
    /// The platform
    #[arg(long, value_parser = input::provider())]
    provider: String,
    /// Its name in the URL [default, where the URL is the proof: 32 random characters]
    #[arg(long, value_parser = input::slug)]
    slug: Option<String>,
    /// Whose webhooks they are
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// The called number or the agent tells whose each webhook is
    #[arg(long)]
    shared: bool,
    /// Read the platform's secret from standard input
    #[arg(long)]
    secret_stdin: bool,
    /// Read the platform's secret from this file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Read the verify token, which the platform's form wants beside the URL (WhatsApp), from this file [default: a
    /// random one, shown once]
    #[arg(long, value_name = "FILE")]
    verify_token_file: Option<PathBuf>,
    /// Accept requests that prove nothing
    #[arg(long)]
    allow_unsigned: bool,
    /// Accept whoever knows the URL, which must be unguessable
    #[arg(long)]
    url_is_secret: bool,
    /// A header that must be there as well; a value @FILE is read from that file
    #[arg(long, value_name = "Name: value", value_parser = input::header)]
    header: Option<(String, Secret)>,
    /// An address or a network that may send; may be repeated [default: any]
    #[arg(long, value_name = "CIDR", value_parser = input::network)]
    allow_address: Vec<String>,
    /// ISO 3166 code that its national numbers are read in [default: the tenant's]
    #[arg(long, value_parser = input::region)]
    region: Option<String>,
    /// Make `POST /webhooks/<platform>` mean this connection
    #[arg(long)]
    default: bool,
}

pub(super) async fn run(args: Args, config: &Config, output: Output, pool: &PgPool) -> anyhow::Result<ExitCode> {
    let signs = providers::find(&args.provider).is_none_or(|provider| provider.signs());
    let (slug, url_is_secret) = name(&args, signs).map_err(Usage::error)?;
    let tenant_id = owner::maybe_tenant(pool, args.tenant.as_deref()).await?;
    let secret = match &args.secret_file {
        Some(path) => Some(input::secret_from_file(path)?),
        None if args.secret_stdin => Some(input::secret_from_stdin(output)?),
        None => None,
    };
    let verify_token = VerifyToken::of(&args.provider, args.verify_token_file.as_deref())?;
    if args.verify_token_file.is_some() && verify_token.is_none() {
        return Err(Usage::error(format!("{} asks for no verify token", args.provider)));
    }
    let new = NewConnection {
        tenant_id,
        provider: args.provider,
        slug,
        allow_unsigned: args.allow_unsigned,
        url_is_secret,
        is_default: args.default,
        header: args.header.map(read_header).transpose()?,
        allowed_addresses: args.allow_address,
        region: args.region,
        verify_token: verify_token.as_ref().map(|token| token.secret.clone()),
        secret,
    };
    let mut transaction = db::patient(pool).await?;
    let id = directory::add_connection(&mut transaction, &new).await.map_err(|error| taken(error, &new))?;
    transaction.commit().await?;
    let url = format!("{}/webhooks/{}/{}", config.http.base_url(), new.provider, new.slug);
    let verify_token = verify_token.as_ref().and_then(VerifyToken::shown);
    let added = json!({
        "id": id, "provider": new.provider, "slug": new.slug, "url": url, "url_is_secret": url_is_secret,
        "allow_unsigned": new.allow_unsigned, "verify_token": verify_token,
    });
    output.one(&added, |_| {
        let remark = match (url_is_secret, new.allow_unsigned) {
            (true, _) => "\n(whoever knows this URL may send: keep it secret)",
            (_, true) => "\n(anybody may send to it: `switchhook doctor` warns of that)",
            _ => "",
        };
        let token = verify_token.map(|token| format!("\nverify token, shown this once: {token}")).unwrap_or_default();
        format!("POST {url}{remark}{token}")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The slug, and whether it is the proof.
fn name(args: &Args, signs: bool) -> Result<(String, bool), String> {
    let is_proven = args.secret_stdin || args.secret_file.is_some() || args.allow_unsigned || args.header.is_some();
    match &args.slug {
        Some(slug) if args.url_is_secret && slug.chars().count() < MIN_SECRET_SLUG_CHARS => Err(format!(
            "--url-is-secret needs a slug of {MIN_SECRET_SLUG_CHARS} characters or more; leave --slug away to get one"
        )),
        Some(slug) if args.url_is_secret || is_proven => Ok((slug.clone(), args.url_is_secret)),
        None if args.url_is_secret || (!signs && !is_proven) => Ok((unguessable(), true)),
        None => Err("--slug is missing".to_owned()),
        Some(slug) if !signs && slug.chars().count() >= MIN_SECRET_SLUG_CHARS => {
            Err(format!("{} signs nothing: if this slug cannot be guessed, say --url-is-secret", args.provider))
        }
        Some(_) if !signs => Err(format!(
            "{} signs nothing: leave --slug away to get an unguessable URL, or give it a token with --secret-stdin, or \
             say --allow-unsigned",
            args.provider
        )),
        Some(_) => Err(format!(
            "{} signs what it sends: give its secret with --secret-stdin, or say --allow-unsigned",
            args.provider
        )),
    }
}

fn read_header((name, value): (String, Secret)) -> anyhow::Result<(String, Secret)> {
    let value = match value.expose().strip_prefix('@') {
        Some(path) => input::secret_from_file(path.as_ref())?,
        None => value,
    };
    Ok((name, value))
}

fn taken(error: sqlx::Error, new: &NewConnection) -> anyhow::Error {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    match constraint {
        Some("connections_provider_slug_key") => {
            anyhow::anyhow!("{} has a connection of this slug already", new.provider)
        }
        Some("connections_default_idx") => anyhow::anyhow!("{} has a default connection already", new.provider),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn named(line: &str, signs: bool) -> Result<(String, bool), String> {
        let line = format!("add --provider retell --tenant acme {line}");
        name(&Line::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())?.args, signs)
    }

    #[test]
    fn a_platform_that_signs_needs_its_secret_or_a_clear_word() {
        assert_eq!(named("--slug a --secret-stdin", true), Ok(("a".to_owned(), false)));
        assert_eq!(named("--slug a --allow-unsigned", true), Ok(("a".to_owned(), false)));
        assert!(named("--slug a", true).is_err() && named("--secret-stdin", true).is_err());
        assert!(named("--slug a --secret-stdin --allow-unsigned", true).is_err());
    }

    #[test]
    fn a_platform_that_signs_nothing_gets_an_unguessable_url() {
        let (slug, url_is_secret) = named("", false).unwrap();
        assert!(slug.len() == 32 && url_is_secret);
        assert!(named("--slug short", false).is_err() && named("--slug short --url-is-secret", false).is_err());
        let long = "abcdefghijklmnopqrstuvwxyz";
        assert!(named(&format!("--slug {long}"), false).is_err());
        assert_eq!(named(&format!("--slug {long} --url-is-secret"), false), Ok((long.to_owned(), true)));
        assert_eq!(named("--slug short --secret-stdin", false), Ok(("short".to_owned(), false)));
    }
}
