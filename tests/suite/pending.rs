//! Between the password and the second factor: what was begun with a password ends with it, and turns on nothing that it
//! did not have to.

use serde_json::json;
use switchhook::access::Role;
use switchhook::redact::Secret;
use switchhook::store::users;

use crate::operations::Person;
use crate::second_factor::{Holder, PASSWORD, code_at, cookie, csrf_of, session};
use crate::support::{Answer, TENANT, TestApp};

const OTHER_PASSWORD: &str = "another horse battery";
const PENDING: &str = "select count(*) from pending_sign_ins";
const FACTORS: &str = "select count(*) from second_factors where confirmed_at is not null";

/// Begins to sign in: the cookie of what waits for a code.
async fn begin(holder: &Holder) -> String {
    let asked = holder.form("/sign-in", "", &[("login", "dana"), ("password", PASSWORD)]).await;
    cookie(asked.assert_status(303), "switchhook-pending=")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_waits_for_a_code_ends_with_the_password_and_the_second_factor_it_began_with() {
    let ways = ["own password", "own sessions", "off", "password", "sessions", "require", "release", "reset", "remove"];
    let (holder, codes) = Holder::with_factor(&[]).await;
    let admin = Person::of(&holder.app, Role::Admin, Some(TENANT)).await;
    let tables = ["users", "second_factors", "recovery_codes"];
    for table in tables {
        holder.app.execute(&format!("create table kept_{table} as table {table}")).await;
    }
    for way in ways {
        holder.app.execute("delete from users").await;
        for table in tables {
            holder.app.execute(&format!("insert into {table} table kept_{table}")).await;
        }
        let (own, csrf) = session(&holder.sign_in(Some(&codes[0])).await);
        let pending = begin(&holder).await;
        let form = csrf_of(holder.page("/sign-in/code", &pending).await.assert_status(200));
        let (path, fields) = match way {
            "own password" | "own sessions" | "off" => {
                let (path, body) = match way {
                    "own password" => {
                        ("/api/v1/account/password", json!({ "present": PASSWORD, "password": OTHER_PASSWORD }))
                    }
                    "off" => ("/api/v1/account/second-factor/off", json!({ "present": PASSWORD, "code": codes[1] })),
                    _ => ("/account/sessions/end-others", json!(null)),
                };
                if body.is_null() {
                    holder.form(path, &own, &[("csrf", &csrf)]).await.assert_status(303);
                } else {
                    holder.send(path, &own, &csrf, body).await.assert_status(200);
                }
                ("", vec![])
            }
            "password" => (
                "/setup/users/password",
                vec![("login", "dana"), ("password", OTHER_PASSWORD), ("again", OTHER_PASSWORD)],
            ),
            "sessions" => ("/setup/users/sessions", vec![("login", "dana")]),
            "remove" => ("/setup/users/remove", vec![("login", "dana")]),
            deed => ("/setup/users/second-factor", vec![("login", "dana"), ("do", deed)]),
        };
        if !path.is_empty() {
            admin.post(&holder.app, path, &fields).await.assert_status(303);
        }
        assert_eq!(holder.app.value(PENDING).await, 0, "{way}");
        let sessions = "select coalesce(jsonb_agg(id), '[]') from sessions where user_id is not null";
        let before = holder.app.value(sessions).await;
        let late = holder.form("/sign-in/code", &pending, &[("code", &holder.code()), ("csrf", &form)]).await;
        assert_eq!((late.status, late.headers["location"].to_str().unwrap()), (303, "/sign-in"), "{way}");
        assert_eq!(holder.app.value(sessions).await, before, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_sign_in_that_had_to_set_up_a_second_factor_turns_one_on() {
    let (holder, _) = Holder::with_factor(&[]).await;
    let pending = begin(&holder).await;
    let csrf = csrf_of(holder.page("/sign-in/code", &pending).await.assert_status(200));
    // Whatever takes it away without ending what waits.
    holder.app.execute("update second_factors set confirmed_at = null").await;
    assert_eq!(holder.page("/sign-in/second-factor", &pending).await.status, 303);
    let code = holder.code();
    let late = holder.form("/sign-in/second-factor", &pending, &[("code", &code), ("csrf", &csrf)]).await;
    assert_eq!(late.headers["location"], "/sign-in");
    assert_eq!(holder.app.value(FACTORS).await, 0);
    // One that had to, and was overtaken: the owner has set one up elsewhere.
    let holder = Holder::new(&[("CONSOLE__SECOND_FACTOR", "required")]).await;
    let (first, second) = (begin(&holder).await, begin(&holder).await);
    let shown = |page: &Answer| page.text.split("id=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let overtaken = holder.page("/sign-in/second-factor", &second).await;
    let page = holder.page("/sign-in/second-factor", &first).await;
    let (seen, secret, late) = (shown(&overtaken), shown(&page), csrf_of(&overtaken));
    // Somebody else, who knows the password, has not seen what the owner sets up, and what they have seen turns nothing on.
    assert_ne!(seen, secret);
    let code = code_at(&seen, holder.app.clock.now().timestamp());
    holder.form("/sign-in/second-factor", &second, &[("code", &code), ("csrf", &late)]).await;
    assert_eq!(holder.app.value("select count(*) from second_factors where confirmed_at is not null").await, 0);
    let page = holder.page("/sign-in/second-factor", &first).await;
    let secret = shown(&page);
    let code = code_at(&secret, holder.app.clock.now().timestamp());
    let done = holder.form("/sign-in/second-factor", &first, &[("code", &code), ("csrf", &csrf_of(&page))]).await;
    done.assert_status(200);
    let again = holder.form("/sign-in/second-factor", &second, &[("code", &code), ("csrf", &late)]).await;
    assert_eq!((again.status, again.headers["location"].to_str().unwrap()), (303, "/sign-in"));
    let open = "select count(*) from sessions where user_id is not null";
    assert_eq!((holder.app.value(PENDING).await, holder.app.value(open).await), (json!(0), json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_nobody_confirmed_is_good_for_ten_minutes_and_no_longer_than_the_password() {
    let holder = Holder::new(&[]).await;
    let (cookie, csrf) = session(&holder.sign_in(None).await);
    let path = "/api/v1/account/second-factor";
    let begin = |password: &'static str| holder.send(path, &cookie, &csrf, json!({ "present": password }));
    let secret = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["secret"].clone();
    let first = secret(&begin(PASSWORD).await.assert_status(200).text);
    assert_eq!(secret(&begin(PASSWORD).await.text), first, "a page that is loaded again shows the same");
    holder.app.execute("update second_factors set created_at = now() - interval '11 minutes'").await;
    let body = json!({ "code": code_at(first.as_str().unwrap(), holder.app.clock.now().timestamp()) });
    let late = holder.send(&format!("{path}/confirm"), &cookie, &csrf, body).await;
    assert!(late.assert_status(422).text.contains("took too long"), "{}", late.text);
    let second = secret(&begin(PASSWORD).await.text);
    assert_ne!(second, first);
    let body = json!({ "present": PASSWORD, "password": OTHER_PASSWORD });
    holder.send("/api/v1/account/password", &cookie, &csrf, body).await.assert_status(200);
    assert_eq!(holder.app.value("select count(*) from second_factors").await, 0);
    let body = json!({ "code": code_at(second.as_str().unwrap(), holder.app.clock.now().timestamp()) });
    holder.send(&format!("{path}/confirm"), &cookie, &csrf, body).await.assert_status(422);
    assert_ne!(secret(&begin(OTHER_PASSWORD).await.assert_status(200).text), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_or_a_rule_that_is_changed_while_somebody_signs_in_lets_nobody_in() {
    let (password, rule) = ("password_hash = 'another'", "second_factor_required = true");
    for (settings, changed) in [(&[][..], password), (&[("CONSOLE__SECOND_FACTOR", "required")], password), (&[], rule)]
    {
        let holder = Holder::new(settings).await;
        let mut change = holder.app.pool.begin().await.unwrap();
        let statement = sqlx::AssertSqlSafe(format!("update users set {changed}"));
        sqlx::query(statement).execute(&mut *change).await.unwrap();
        let late = async {
            // By now the password was looked at, and the sign-in waits for the change.
            let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                         and datname = current_database()";
            while holder.app.value(waits).await == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            change.commit().await.unwrap();
        };
        let form = [("login", "dana"), ("password", PASSWORD)];
        let (answer, ()) = tokio::join!(holder.form("/sign-in", "", &form), late);
        answer.assert_status(401);
        assert_eq!(holder.app.value("select count(*) from sessions").await, 0);
        assert_eq!(holder.app.value(PENDING).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_that_somebody_made_up_are_not_looked_up() {
    let (holder, _) = Holder::with_factor(&[]).await;
    let key = holder.app.keys.digests().unwrap();
    let made_up = "A".repeat(48);
    // With a row that they would find.
    for (id, status) in [(key.issue("pending").into_exposed(), 200), (made_up.clone(), 303)] {
        let digest = format!("'\\x{}'", switchhook::crypto::hex(&key.digest("pending", &id)));
        holder
            .app
            .execute(&format!(
                "insert into pending_sign_ins (digest, user_id, must_set_up, expires_at)
                 select {digest}, id, false, now() + interval '1 minute' from users"
            ))
            .await;
        let page = holder.page("/sign-in/code", &format!("switchhook-pending={id}")).await;
        page.assert_status(status);
    }
    for (id, status) in [(key.issue("session").into_exposed(), 200), (made_up, 401)] {
        let digest = format!("'\\x{}'", switchhook::crypto::hex(&key.digest("session", &id)));
        holder
            .app
            .execute(&format!(
                "insert into sessions (digest, user_id, method, expires_at)
                 select {digest}, id, 'password', now() + interval '1 minute' from users"
            ))
            .await;
        let request = holder.app.client.get(format!("{}/api/v1/session", holder.app.base));
        TestApp::answer(request.header("cookie", format!("switchhook={id}"))).await.assert_status(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_signs_in_with_changes_for_every_place_and_over_nobody_elses_change() {
    let (holder, _) = Holder::with_factor(&[]).await;
    let app = &holder.app;
    // Signed in before the second factor: somebody with the password may have been there, too.
    assert_eq!(app.value("select count(*) from known_places").await, 0);
    let user = users::find(&app.pool, "dana").await.unwrap().unwrap();
    let (compared, admins) = (user.password_hash.unwrap(), Secret::new("the hash of what an admin has set"));
    let change = |hash: &str, before: &Secret| {
        let (hash, before) = (Secret::new(hash), before.clone());
        async move { users::change_password(&app.pool, user.id, &hash, Some(before.expose())).await.unwrap() }
    };
    assert!(change(admins.expose(), &compared).await);
    assert!(!change("the hash of what somebody else has sent meanwhile", &compared).await);
    assert!(change("the hash of a later one", &admins).await);
}
