//! Several servers in one URL, as libpq writes them: `postgres://user@one:5432,two:5432/db?target_session_attrs=read-write`.
//! The driver knows one. So one of them is used, the one that takes changes, and the probe finds out which that is.

use sqlx::postgres::PgConnectOptions;

/// What a URL must say of its servers, if it says anything: a server that takes no changes is of no use.
pub(super) const SESSION_ATTRS: &[&str] = &["read-write", "primary"];

/// How each server of a URL is reached, in order.
pub(super) fn servers(url: &str) -> Result<Vec<PgConnectOptions>, sqlx::Error> {
    match parts(url) {
        Some((before, hosts, after)) => {
            let after = without_session_attrs(after);
            hosts.split(',').map(|host| format!("{before}{host}{after}").parse()).collect()
        }
        None => Ok(vec![url.parse()?]),
    }
}

/// The hosts of a URL, and what stands before and after them.
pub(super) fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    Some((&url[..start], &url[start..end], &url[end..]))
}

fn without_session_attrs(after: &str) -> String {
    let Some((path, query)) = after.split_once('?') else { return after.to_owned() };
    let left: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("target_session_attrs=")).collect();
    if left.is_empty() { path.to_owned() } else { format!("{path}?{}", left.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_of_a_list_is_reached_as_the_url_says() {
        let of = |url: &str| -> Vec<(String, u16, String)> {
            let servers = servers(url).unwrap();
            servers
                .iter()
                .map(|one| (one.get_host().to_owned(), one.get_port(), one.get_username().to_owned()))
                .collect()
        };
        let one = of("postgres://me:p@one:6000/d?sslmode=disable");
        assert_eq!(one, [("one".to_owned(), 6000, "me".to_owned())]);
        let two = of("postgres://me:p%40@one:6000,two/d?target_session_attrs=read-write&sslmode=disable");
        assert_eq!(two, [("one".to_owned(), 6000, "me".to_owned()), ("two".to_owned(), 5432, "me".to_owned())]);
        assert_eq!(of("postgres://one,two:1?target_session_attrs=primary").len(), 2);
    }
}
