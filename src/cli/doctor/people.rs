//! Who signs in: tokens that end soon, and a proxy behind which all people share one address.

use sqlx::PgConnection;

use super::Check;
use crate::admin::tokens::TOKEN_WARNING_DAYS;
use crate::cli::{Context, cells};
use crate::console::address;
use crate::store::attempts;
use crate::store::roster::tokens;

pub(super) async fn checks(
    context: &Context,
    database: &mut PgConnection,
    checks: &mut Vec<Check>,
) -> anyhow::Result<()> {
    for token in tokens::ending(&mut *database, TOKEN_WARNING_DAYS).await? {
        let name = if token.label.is_empty() { token.id.to_string() } else { token.label };
        checks.push(Check::warn(
            "token",
            format!("{name} is in use and ends {}: make another before", cells::time(token.expires_at)),
        ));
    }
    let trusted = &context.config.http.trusted_proxies;
    let peers = attempts::proxies(&mut *database).await?;
    let untrusted: Vec<String> =
        peers.into_iter().filter(|peer| !address::is_within(*peer, trusted)).map(|peer| peer.to_string()).collect();
    if !untrusted.is_empty() {
        checks.push(Check::warn(
            "proxy",
            format!(
                "requests of signed-in people come with X-Forwarded-For from {}, which is not in http.trusted_proxies: \
                 everybody behind it counts as one address",
                untrusted.join(", ")
            ),
        ));
    }
    Ok(())
}
