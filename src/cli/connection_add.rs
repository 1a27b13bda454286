//! `connection add`: where webhooks come from, to whom they belong, and what verifies them.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use sqlx::PgPool;

use super::failure::Usage;
use super::{Context, input, owner};
use crate::admin::sources::{self, NewSource};
use crate::providers;
use crate::redact::Secret;

/// The connection.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("owner").required(true).args(["tenant", "shared"])))]
#[command(group(clap::ArgGroup::new("proof").args(["secret_stdin", "secret_file", "allow_unsigned", "url_is_secret"])))]
pub struct Args {
    /// The platform
    #[arg(long, value_parser = input::provider())]
    provider: String,
    /// Its name; no secret [default, where the URL has a token: the first free one of default, default-2, …]
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
    /// Store webhooks without verification; live requests are never answered so
    #[arg(long)]
    allow_unsigned: bool,
    /// Let a token in the URL verify; it is made here and shown once
    #[arg(long)]
    url_is_secret: bool,
    /// Read the token of the URL from this file, where a platform has it already [default: a random one]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secret_stdin", "secret_file", "allow_unsigned"])]
    url_token_file: Option<PathBuf>,
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

pub(super) async fn run(args: Args, context: &Context, pool: &PgPool) -> anyhow::Result<ExitCode> {
    let (config, output) = (&context.config, context.output);
    let signs = providers::find(&args.provider).is_none_or(|provider| provider.signs());
    let url_is_secret = url_is_secret(&args, signs).map_err(Usage::error)?;
    let tenant_id = owner::maybe_tenant(pool, args.tenant.as_deref()).await?;
    let secret = match &args.secret_file {
        Some(path) => Some(input::secret_from_file(path)?),
        None if args.secret_stdin => Some(input::secret_from_stdin(output)?),
        None => None,
    };
    let new = NewSource {
        tenant_id,
        provider: args.provider.clone(),
        slug: args.slug,
        is_default: args.default,
        secret,
        header: args.header.map(read_header).transpose()?,
        url_is_secret,
        url_token: args.url_token_file.as_deref().map(input::secret_from_file).transpose()?,
        allow_unsigned: args.allow_unsigned,
        verify_token: args.verify_token_file.as_deref().map(input::secret_from_file).transpose()?,
        allowed_addresses: args.allow_address,
        region: args.region,
    };
    let made = sources::add(pool, &context.scope(), &context.keys()?, new).await?;
    let url = made.url(&config.http.base_url(), &args.provider);
    let (url, verify_token) = (url.expose(), made.verify_token.as_ref().map(Secret::expose));
    let added = json!({
        "id": made.id, "provider": args.provider, "slug": made.slug, "url": url, "url_is_secret": url_is_secret,
        "allow_unsigned": args.allow_unsigned, "verify_token": verify_token,
    });
    output.one(&added, |_| {
        let remark = match (url_is_secret, args.allow_unsigned) {
            (true, _) => "\n(this URL is a secret, shown this once: `switchhook connection url` makes another)",
            (_, true) => "\n(anybody may send to it: `switchhook doctor` warns of that)",
            _ => "",
        };
        let token = verify_token.map(|token| format!("\nverify token, shown this once: {token}")).unwrap_or_default();
        format!("POST {url}{remark}{token}")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a token in the URL verifies.
fn url_is_secret(args: &Args, signs: bool) -> Result<bool, String> {
    let is_verified = args.secret_stdin || args.secret_file.is_some() || args.allow_unsigned || args.header.is_some();
    let is_secret = args.url_is_secret || args.url_token_file.is_some() || (!signs && !is_verified);
    match &args.slug {
        _ if is_secret => Ok(true),
        Some(_) if is_verified => Ok(false),
        None => Err("--slug is missing".to_owned()),
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn is_secret(line: &str, signs: bool) -> Result<bool, String> {
        let line = format!("add --provider retell --tenant acme {line}");
        url_is_secret(&Line::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())?.args, signs)
    }

    #[test]
    fn a_platform_that_signs_needs_its_secret_or_a_clear_word() {
        assert_eq!(is_secret("--slug a --secret-stdin", true), Ok(false));
        assert_eq!(is_secret("--slug a --allow-unsigned", true), Ok(false));
        assert!(is_secret("--slug a", true).is_err() && is_secret("--secret-stdin", true).is_err());
        assert!(is_secret("--slug a --secret-stdin --allow-unsigned", true).is_err());
    }

    #[test]
    fn a_platform_that_signs_nothing_gets_a_secret_url() {
        for line in ["", "--slug short", "--slug short --url-is-secret", "--url-token-file file"] {
            assert_eq!(is_secret(line, false), Ok(true), "{line}");
        }
        assert_eq!(is_secret("--slug short --secret-stdin", false), Ok(false));
        assert!(is_secret("--slug short --secret-stdin --url-token-file file", false).is_err());
    }
}
