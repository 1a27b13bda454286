//! What `doctor` warns of: tokens in use that end, and proxies that nobody trusts.

use sqlx::PgPool;

use crate::support::{Binary, database_url, drop_database};

#[tokio::test(flavor = "multi_thread")]
async fn tokens_in_use_that_end_and_proxies_that_are_not_trusted_are_named() {
    let (name, url) = database_url().await;
    for line in ["--label night --expires 10d", "--label long --expires 30d", "--label unused --expires 10d"] {
        let line = format!("token add --role viewer {line}");
        assert!(Binary::run(&url, &line.split_whitespace().collect::<Vec<_>>()).status.success(), "{line}");
    }
    let pool = PgPool::connect(&url).await.unwrap();
    let seen = "update api_tokens set last_used_at = now() where label <> 'unused';
                insert into untrusted_proxies (peer) values ('198.51.100.7'), ('2001:db8::7')";
    sqlx::raw_sql(seen).execute(&pool).await.unwrap();
    let doctor = |trusted: &str| {
        let mut command = Binary::command(&url);
        let output = command.env("SWITCHHOOK__HTTP__TRUSTED_PROXIES", trusted).args(["doctor", "--quick"]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let said = doctor("");
    assert!(said.contains("night is in use and ends"), "{said}");
    assert!(!said.contains("long is in use") && !said.contains("unused is in use"), "{said}");
    assert!(
        said.contains("X-Forwarded-For from 198.51.100.7, 2001:db8::7, which is not in http.trusted_proxies"),
        "{said}"
    );
    let said = doctor("198.51.100.0/24");
    assert!(said.contains("X-Forwarded-For from 2001:db8::7, which"), "{said}");
    let said = doctor("198.51.100.0/24,2001:db8::7");
    assert!(!said.contains("X-Forwarded-For"), "{said}");
    pool.close().await;
    drop_database(&name).await;
}
