//! How tokens are made, shared and given up.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;

use super::tests::{card, client, client_with, find, hasty_client, now, settings, start, upsert};
use super::token::THROTTLED_WAIT;
use super::*;
use crate::integrations::Verdict;
use crate::integrations::stubs::ZohoStub;

macro_rules! sample {
    ($file:literal) => {
        include_str!(concat!("../../../tests/outbound/zoho-crm/", $file))
    };
}

async fn find_at(client: &Client, now: DateTime<Utc>) -> Result<Option<Contact>, CrmError> {
    client.find_by_phone(&Phone::new("+15550100123"), None, now).await
}

#[actix_web::test]
async fn one_token_is_made_for_an_hour_and_shared_by_processes() {
    let zoho = ZohoStub::start().await;
    let store: Arc<dyn TokenStore> = Arc::new(MemoryTokens::default());
    let (one, other) = (
        client_with(&settings(&zoho.base_url), Arc::clone(&store)),
        client_with(&settings(&zoho.base_url), Arc::clone(&store)),
    );
    for result in join_all((0..8).map(|_| find(&one))).await {
        result.unwrap();
    }
    find(&other).await.unwrap();
    find_at(&one, now() + TimeDelta::minutes(57)).await.unwrap();
    assert_eq!(zoho.tokens_made(), 1);
    find_at(&one, now() + TimeDelta::minutes(59)).await.unwrap();
    find_at(&other, now() + TimeDelta::minutes(59)).await.unwrap();
    assert_eq!(zoho.tokens_made(), 2);
}

#[actix_web::test]
async fn a_token_that_zoho_does_not_know_is_made_anew_once() {
    let (zoho, client) = start().await;
    find(&client).await.unwrap();
    zoho.revoke_tokens();
    assert!(upsert(&client, card()).await.unwrap().created);
    assert_eq!((zoho.tokens_made(), zoho.records("Leads").len()), (2, 1));
    zoho.play_next("search", sample!("10_error_401_invalid_token.json"));
    find(&client).await.unwrap();
    assert_eq!(zoho.tokens_made(), 3);
    let before = zoho.requests().len();
    zoho.play_next("search", sample!("10_error_401_invalid_token.json"));
    zoho.play_next("search", sample!("10_error_401_invalid_token.json"));
    assert_eq!(find(&client).await.unwrap_err().verdict(), Verdict::Refused);
    assert_eq!((zoho.tokens_made(), zoho.requests().len()), (4, before + 2));
}

#[actix_web::test]
async fn a_token_that_another_process_made_meanwhile_is_taken() {
    let zoho = ZohoStub::start().await;
    let store: Arc<dyn TokenStore> = Arc::new(MemoryTokens::default());
    let (one, other) = (
        client_with(&settings(&zoho.base_url), Arc::clone(&store)),
        client_with(&settings(&zoho.base_url), Arc::clone(&store)),
    );
    find(&one).await.unwrap();
    find(&other).await.unwrap();
    zoho.revoke_tokens();
    find(&one).await.unwrap();
    find(&other).await.unwrap();
    assert_eq!(zoho.tokens_made(), 2);
}

#[actix_web::test]
async fn the_api_is_where_the_token_says_unless_the_settings_say_otherwise() {
    let (accounts, api) = (ZohoStub::start().await, ZohoStub::start().await);
    let body =
        format!("{{\"access_token\": \"1000.EXAMPLE.1\", \"api_domain\": \"{}\", \"expires_in\": 3600}}", api.base_url);
    accounts.answer_next("token", 200, &[], &body);
    find(&client(&settings(&accounts.base_url))).await.unwrap();
    // The other server knows no tokens, so the next one is asked for, and says that the API is here.
    assert_eq!(api.requests().len(), 1);
    assert_eq!(accounts.requests().len(), 4);
    let fixed = Settings { api_url: format!("{}/", accounts.base_url), ..settings(&accounts.base_url) };
    accounts.play_next("token", sample!("01_token_refresh.json"));
    assert_eq!(find(&client(&fixed)).await, Ok(None), "the token of the sample is refused once, and made anew");
    assert_eq!(accounts.requests()[4].header("authorization"), "Zoho-oauthtoken 1000.EXAMPLE.NEW");
}

#[actix_web::test]
async fn an_error_inside_of_http_200_is_one() {
    let zoho = ZohoStub::start().await;
    let good = settings(&zoho.base_url);
    for (settings, word) in [
        (Settings { client_id: "other".to_owned(), ..good.clone() }, "invalid_client"),
        (Settings { client_secret: Secret::new("other"), ..good.clone() }, "invalid_client_secret"),
        (Settings { refresh_token: Secret::new("other"), ..good.clone() }, "invalid_code"),
    ] {
        let error = find(&client(&settings)).await.unwrap_err();
        assert_eq!(error, CrmError::NotAuthorized { code: word.to_owned() });
        assert_eq!(error.verdict(), Verdict::Refused);
    }
    zoho.play_next("token", sample!("02_token_refresh_error_http200.json"));
    assert_eq!(find(&client(&good)).await.unwrap_err().verdict(), Verdict::Refused);
    for (status, body, verdict) in [
        (200, "garbage", Verdict::Retry),
        (200, "{\"access_token\": \"\"}", Verdict::Retry),
        (500, "", Verdict::Retry),
        (400, "", Verdict::Refused),
        (404, "<html>", Verdict::Refused),
        (429, "", Verdict::Wait(THROTTLED_WAIT)),
    ] {
        zoho.answer_next("token", status, &[], body);
        // Even for a write: it has not begun.
        assert_eq!(upsert(&client(&good), card()).await.unwrap_err().verdict(), verdict, "{status} {body}");
    }
    assert!(zoho.requests().is_empty());
}

#[actix_web::test]
async fn a_token_that_is_not_given_out_is_not_asked_for_again_at_once() {
    for status in [400, 200] {
        let (zoho, client) = start().await;
        let body = "{\"error\": \"Access Denied\", \"status\": \"failure\"}";
        match status {
            400 => zoho.play_next("token", sample!("03_token_refresh_throttled.json")),
            status => zoho.answer_next("token", status, &[], body),
        }
        assert_eq!(find(&client).await.unwrap_err().verdict(), Verdict::Wait(THROTTLED_WAIT));
        let later = now() + TimeDelta::minutes(5);
        let error = find_at(&client, later).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::Wait(Duration::from_secs(600)));
        assert_eq!(zoho.tokens_made(), 0);
        find_at(&client, now() + TimeDelta::minutes(15)).await.unwrap();
        assert_eq!(zoho.tokens_made(), 1);
    }
}

#[actix_web::test]
async fn a_request_for_a_token_that_is_lost_has_changed_nothing() {
    let (zoho, there) = start().await;
    zoho.drop_next("token");
    assert_eq!(upsert(&there, card()).await.unwrap_err().verdict(), Verdict::Retry);
    zoho.hang_next("token");
    assert_eq!(upsert(&hasty_client(&settings(&zoho.base_url)), card()).await.unwrap_err().verdict(), Verdict::Retry);
    let nobody = client(&settings("http://127.0.0.1:1"));
    assert_eq!(upsert(&nobody, card()).await.unwrap_err().verdict(), Verdict::Retry);
    let wrong = client(&settings("not a url"));
    assert_eq!(upsert(&wrong, card()).await.unwrap_err().verdict(), Verdict::Refused);
}

#[actix_web::test]
async fn a_store_that_fails_is_a_failure_only_when_it_is_read() {
    #[derive(Debug)]
    struct Broken {
        reads: bool,
    }
    impl TokenStore for Broken {
        fn load(&self) -> BoxFuture<'_, Result<Option<Token>, TokenStoreError>> {
            async { if self.reads { Ok(None) } else { Err(TokenStoreError) } }.boxed()
        }
        fn save<'a>(&'a self, _: &'a Token) -> BoxFuture<'a, Result<(), TokenStoreError>> {
            async { Err(TokenStoreError) }.boxed()
        }
    }
    let zoho = ZohoStub::start().await;
    let settings = settings(&zoho.base_url);
    find(&client_with(&settings, Arc::new(Broken { reads: true }))).await.unwrap();
    let error = find(&client_with(&settings, Arc::new(Broken { reads: false }))).await.unwrap_err();
    assert_eq!((error.verdict(), error), (Verdict::Retry, CrmError::TokenStore));
}

#[test]
fn nothing_secret_prints() {
    let settings = settings("https://accounts.zoho.com");
    assert!(settings.is_configured());
    assert!(!Settings { refresh_token: Secret::default(), ..settings.clone() }.is_configured());
    let shown = format!("{:?}", client(&settings));
    assert!(!shown.contains(ZohoStub::REFRESH_TOKEN), "{shown}");
}
