//! A person within requests that were kept because nothing verified them: sealed, so each is opened and looked through.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use sqlx::PgPool;
use uuid::Uuid;

use super::forget::Sought;
use crate::crypto::Keys;
use crate::store::kept_requests::{self, Request};

/// Requests that are opened at once: each may have a megabyte.
const PAGE_ROWS: i64 = 16;

/// Those that name the person, and those that cannot be opened any more: nobody can say whom they name.
pub(super) async fn find(pool: &PgPool, keys: &Keys, sought: &Sought) -> Result<Vec<Uuid>, sqlx::Error> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = kept_requests::next_of_tenants(pool, &sought.tenants, sought.with_unowned, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some((last.at, last.id));
        let (mut ids, mut texts) = (Vec::new(), Vec::new());
        for kept in &page {
            match Request::open(keys, kept.request.expose()) {
                Some(request) => {
                    ids.push(kept.id);
                    texts.push(text(&request));
                }
                None => found.push(kept.id),
            }
        }
        let places = sqlx::query_file_scalar!("sql/retention/fit_pattern.sql", &texts, sought.pattern.expose())
            .fetch_all(pool)
            .await?;
        let place = |place: i64| ids.get(usize::try_from(place - 1).ok()?).copied();
        found.extend(places.into_iter().filter_map(place));
    }
}

/// Everything that may name somebody: as it is, with the escapes of forms and queries undone, and the claims of a JWT.
fn text(request: &Request) -> String {
    let body = String::from_utf8_lossy(&request.body);
    let mut text = format!("{}\n{body}\n{}", request.query.expose(), unescaped(request.query.expose()));
    if body.contains('%') {
        text.push('\n');
        text.push_str(&unescaped(&body));
    }
    let claims = body.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims.trim()).ok());
    if let Some(claims) = claims {
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&claims));
    }
    // What Postgres cannot hold names nobody.
    text.replace('\0', " ")
}

fn unescaped(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secret;

    #[test]
    fn numbers_are_seen_however_they_are_written() {
        let request = |query: &str, body: &str| Request {
            method: "POST".to_owned(),
            path_token: None,
            query: Secret::new(query),
            headers: Vec::new(),
            body: body.as_bytes().to_owned(),
        };
        let jwt = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode("{\"n\":\"+15550100177\"}"));
        for found in [
            text(&request("", "{\"n\":\"+15550100177\"}")),
            text(&request("from=%2B15550100177", "")),
            text(&request("", "from=%2B15550100177&x=1")),
            text(&request("", &jwt)),
        ] {
            assert!(found.contains("+15550100177"), "{found}");
        }
    }
}
