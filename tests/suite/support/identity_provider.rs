//! A stand-in for an OpenID provider: it refuses what a provider refuses, redeems each code once and for its verifier
//! alone, and signs ID tokens with real keys, by `ring`, which is not what verifies them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{digest, hmac};
use serde_json::{Map, Value, json};

use super::vendors::scripted::{Reply, Request, Stub, Vendor};

/// A key of nobody, made for these tests.
const RSA_KEY: &[u8] = include_bytes!("identity_provider_rs256.der");

/// The provider.
pub struct IdentityProvider {
    /// Its issuer identifier.
    pub issuer: String,
    stub: Stub<Provider>,
}

/// How ID tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    Rs256,
    Es256,
    /// Not at all, and the header says so.
    None,
    /// With what everybody knows: the public key, as the secret of an HMAC.
    Hs256OfPublicKey,
    /// With the secret that provider and client share.
    Hs256OfClientSecret,
    /// With a key that the provider has not, under the name of one that it has.
    Forged,
}

/// What a test decides.
pub struct Told {
    pub signing: Signing,
    /// Laid over the claims of the next tokens; null takes a claim away.
    pub claims: Map<String, Value>,
    /// What the user info says beside the subject; `None`: there is no such endpoint.
    pub user_info: Option<Map<String, Value>>,
    /// Laid over the description; null takes a field away.
    pub description: Map<String, Value>,
    /// Whether the client's secret is taken in the header.
    pub takes_header: bool,
}

struct Provider {
    issuer: Mutex<String>,
    told: Mutex<Told>,
    rsa: RsaKeyPair,
    /// The first signs; a key that was rotated away is gone.
    keys: Mutex<(String, EcdsaKeyPair)>,
    codes: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    /// The time in tokens, in seconds.
    now: i64,
}

impl IdentityProvider {
    pub const CLIENT_ID: &str = "switchhook";
    /// With what must be encoded before it is a user's name or a password.
    pub const CLIENT_SECRET: &str = "a+b/c d:e%&=";
    pub const CALLBACK: &str = "http://127.0.0.1:8080/sign-in/oidc/callback";
    /// Where people come back to who have signed out.
    pub const SIGNED_OUT: &str = "http://127.0.0.1:8080/sign-in";
    pub const SUBJECT: &str = "subject-of-dana";

    /// At this time, with `dana@example.com` in the group `sales`.
    pub async fn start(now: i64) -> Self {
        let vendor = Provider {
            issuer: Mutex::default(),
            told: Mutex::new(Told {
                signing: Signing::Rs256,
                claims: claims(json!({ "email": "Dana@Example.com", "email_verified": true, "groups": ["sales"] })),
                user_info: None,
                description: Map::new(),
                takes_header: true,
            }),
            rsa: RsaKeyPair::from_pkcs8(RSA_KEY).unwrap(),
            keys: Mutex::new(("es-1".to_owned(), new_key())),
            codes: Mutex::default(),
            now,
        };
        let stub = Stub::start(vendor).await;
        stub.base_url.clone_into(&mut lock(&stub.vendor().issuer));
        Self { issuer: stub.base_url.clone(), stub }
    }

    /// What the next answers are like.
    pub fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.stub.vendor().told)
    }

    /// Lays these over the claims of the next tokens.
    pub fn set_claims(&self, over: Value) {
        self.told().claims.extend(claims(over));
    }

    /// Signs with a new key from now on, and forgets the old one.
    pub fn rotate(&self, name: &str) {
        *lock(&self.stub.vendor().keys) = (name.to_owned(), new_key());
    }

    /// What came to a path.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        self.stub.requests().into_iter().filter(|request| request.path == path).collect()
    }

    pub fn answer_next(&self, path: &'static str, status: u16, headers: &[(&str, &str)], body: &str) {
        self.stub.answer_next(path, status, headers, body);
    }

    pub fn drop_next(&self, path: &'static str) {
        self.stub.drop_next(path);
    }
}

impl Vendor for Provider {
    fn refuse(&self, request: &Request) -> Option<Reply> {
        match request.path.as_str() {
            "/authorize" => refuse_authorization(&request.arguments()).map(|why| Reply::text(400, why)),
            "/token" => self.refuse_redemption(request),
            "/sign-out" => refuse_sign_out(&request.arguments()).map(|why| Reply::text(400, why)),
            "/userinfo" if request.header("authorization") != "Bearer access-1" => {
                Some(Reply::json(401, &json!({ "error": "invalid_token" })))
            }
            _ => None,
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        match request.path.as_str() {
            "/.well-known/openid-configuration" => Reply::json(200, &self.description()),
            "/keys" => Reply::json(200, &json!({ "keys": [self.rsa_key(), self.ec_key()] })),
            "/authorize" => self.authorize(request.arguments()),
            "/token" => self.redeem(request),
            "/sign-out" => {
                let headers = vec![("location".to_owned(), request.arguments()["post_logout_redirect_uri"].clone())];
                Reply { status: 302, headers, body: String::new() }
            }
            "/userinfo" => {
                let mut told = lock(&self.told).user_info.clone().unwrap_or_default();
                told.entry("sub").or_insert_with(|| json!(IdentityProvider::SUBJECT));
                Reply::json(200, &Value::Object(told))
            }
            _ => Reply::text(404, "nothing"),
        }
    }
}

impl Provider {
    fn description(&self) -> Value {
        let issuer = lock(&self.issuer).clone();
        let told = lock(&self.told);
        let method = if told.takes_header { "client_secret_basic" } else { "client_secret_post" };
        let mut description = claims(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": [method],
        }));
        if told.user_info.is_some() {
            description.insert("userinfo_endpoint".to_owned(), json!(format!("{issuer}/userinfo")));
        }
        description.extend(told.description.clone());
        description.retain(|_, value| !value.is_null());
        Value::Object(description)
    }

    /// Somebody has signed in at the provider's page, and is sent back.
    fn authorize(&self, arguments: BTreeMap<String, String>) -> Reply {
        let mut codes = lock(&self.codes);
        let code = format!("code-{}", codes.len());
        let issuer = lock(&self.issuer).clone();
        let pairs = [("code", code.as_str()), ("state", &arguments["state"]), ("iss", &issuer)];
        let back = reqwest::Url::parse_with_params(&arguments["redirect_uri"], pairs).unwrap().to_string();
        codes.insert(code, arguments);
        Reply { status: 302, headers: vec![("location".to_owned(), back)], body: String::new() }
    }

    fn refuse_redemption(&self, request: &Request) -> Option<Reply> {
        let error = |status, word: &str| Some(Reply::json(status, &json!({ "error": word })));
        let form = request.form();
        let is = |key: &str, value: &str| form.get(key).is_some_and(|there| there == value);
        let encode = |text: &str| {
            let pair = reqwest::Url::parse_with_params("http://x/", [("", text)]).unwrap();
            pair.query().unwrap().trim_start_matches('=').to_owned()
        };
        let (id, secret) = (IdentityProvider::CLIENT_ID, IdentityProvider::CLIENT_SECRET);
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))));
        let is_client = match lock(&self.told).takes_header {
            true => request.header("authorization") == basic && !form.contains_key("client_secret"),
            false => is("client_id", id) && is("client_secret", secret) && request.header("authorization").is_empty(),
        };
        if !is_client {
            return error(401, "invalid_client");
        }
        if request.method != "POST" || !is("grant_type", "authorization_code") {
            return error(400, "unsupported_grant_type");
        }
        let Some(asked) = form.get("code").and_then(|code| lock(&self.codes).get(code).cloned()) else {
            return error(400, "invalid_grant");
        };
        let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let fits = challenge == asked["code_challenge"] && is("redirect_uri", &asked["redirect_uri"]);
        if fits { None } else { error(400, "invalid_grant") }
    }

    fn redeem(&self, request: &Request) -> Reply {
        let asked = lock(&self.codes).remove(&request.form()["code"]).unwrap();
        // A code that is gone is none; a number that stays keeps the next one from having its name.
        lock(&self.codes).insert(format!("used {}", request.form()["code"]), BTreeMap::new());
        let body = json!({
            "access_token": "access-1", "token_type": "Bearer", "expires_in": 60, "id_token": self.token(&asked["nonce"]),
        });
        Reply::json(200, &body)
    }

    fn token(&self, nonce: &str) -> String {
        let told = lock(&self.told);
        let issuer = lock(&self.issuer).clone();
        let mut payload = claims(json!({
            "iss": issuer, "sub": IdentityProvider::SUBJECT, "aud": IdentityProvider::CLIENT_ID,
            "iat": self.now, "exp": self.now + 300, "nonce": nonce,
        }));
        payload.extend(told.claims.clone());
        payload.retain(|_, value| !value.is_null());
        let keys = lock(&self.keys);
        let (alg, kid) = match told.signing {
            Signing::Rs256 | Signing::Forged => ("RS256", json!("rs-1")),
            Signing::Es256 => ("ES256", json!(keys.0)),
            Signing::None => ("none", Value::Null),
            Signing::Hs256OfPublicKey | Signing::Hs256OfClientSecret => ("HS256", json!("rs-1")),
        };
        let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&Value::Object(payload)));
        let message = signed.as_bytes();
        let mac = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec();
        let random = SystemRandom::new();
        let signature = match told.signing {
            Signing::Rs256 => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Signing::Es256 => keys.1.sign(&random, message).unwrap().as_ref().to_vec(),
            Signing::None => Vec::new(),
            Signing::Hs256OfPublicKey => mac(self.rsa.public().as_ref()),
            Signing::Hs256OfClientSecret => mac(IdentityProvider::CLIENT_SECRET.as_bytes()),
            Signing::Forged => vec![7; self.rsa.public().modulus_len()],
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn rsa_key(&self) -> Value {
        let key = PublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let (n, e) = (URL_SAFE_NO_PAD.encode(key.n), URL_SAFE_NO_PAD.encode(key.e));
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rs-1", "n": n, "e": e })
    }

    fn ec_key(&self) -> Value {
        let keys = lock(&self.keys);
        // A byte that says "not compressed", and two coordinates.
        let point = keys.1.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": keys.0, "x": x, "y": y })
    }
}

/// Why nobody is signed out and sent back: a provider sends people only where the client has said before.
fn refuse_sign_out(arguments: &BTreeMap<String, String>) -> Option<&'static str> {
    let is = |key: &str, value: &str| arguments.get(key).is_some_and(|there| there == value);
    let checks = [
        (is("client_id", IdentityProvider::CLIENT_ID), "client_id"),
        (is("post_logout_redirect_uri", IdentityProvider::SIGNED_OUT), "post_logout_redirect_uri"),
        (!arguments.contains_key("id_token_hint"), "id_token_hint"),
    ];
    checks.into_iter().find(|(is_right, _)| !is_right).map(|(_, what)| what)
}

/// Why the provider's page is not shown.
fn refuse_authorization(arguments: &BTreeMap<String, String>) -> Option<&'static str> {
    let is = |key: &str, value: &str| arguments.get(key).is_some_and(|there| there == value);
    let length = |key: &str| arguments.get(key).map_or(0, String::len);
    let scopes = arguments.get("scope").map(String::as_str).unwrap_or_default();
    let checks = [
        (is("response_type", "code"), "response_type"),
        (is("client_id", IdentityProvider::CLIENT_ID), "client_id"),
        (is("redirect_uri", IdentityProvider::CALLBACK), "redirect_uri"),
        (scopes.split(' ').filter(|scope| *scope == "openid").count() == 1, "scope"),
        (scopes.split(' ').any(|scope| scope == "email"), "scope email"),
        (is("code_challenge_method", "S256"), "code_challenge_method"),
        (length("code_challenge") == 43, "code_challenge"),
        (length("state") >= 43, "state"),
        (length("nonce") >= 43, "nonce"),
        (!arguments.contains_key("client_secret"), "client_secret"),
    ];
    checks.into_iter().find(|(fits, _)| !fits).map(|(_, what)| what)
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

pub fn claims(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
