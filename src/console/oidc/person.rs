//! From the code that the browser brought to the person whom the provider vouches for.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthType, AuthenticationFlow, AuthorizationCode,
    ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IdToken, IdTokenClaims, IdTokenFields, IdTokenVerifier, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::attempt::{Attempt, GOOD_FOR};
use super::provider::{Known, Provider};
use super::{OidcError, Settings};
use crate::redact::{Email, Secret};

/// How far the provider's clock may be off: a token counts for so long after its end, and so long before it was made.
/// Clocks that are kept by NTP differ by less than a second.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// The longest subject identifier that the standard allows.
const SUBJECT_BYTES_MAX: usize = 255;
/// The longest e-mail address that the mail standards allow.
const EMAIL_BYTES_MAX: usize = 254;

/// Signatures that count, all of them by a public key: `none`, and those that are made with a shared secret, do not.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Somebody for whom the provider vouches.
#[derive(Debug)]
pub(super) struct Person {
    /// Who they are to the provider, for ever.
    pub(super) subject: Secret,
    /// Their address, in small letters; `None`: the provider has none, or has not verified it.
    pub(super) email: Option<Email>,
    /// Their groups.
    pub(super) groups: BTreeSet<String>,
}

/// Every claim that the standard does not name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OtherClaims {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

type Token = IdToken<OtherClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;
type Tokens = StandardTokenResponse<
    IdTokenFields<
        OtherClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
type OidcClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The URL at the provider that the browser is sent to.
pub(super) fn authorization_url(
    settings: &Settings,
    known: &Known,
    callback_url: &str,
    attempt: &Attempt,
) -> Result<String, OidcError> {
    let client = client(settings, known, callback_url)?;
    let (state, nonce) = (attempt.state().into_exposed(), attempt.nonce().into_exposed());
    let verifier = PkceCodeVerifier::new(attempt.verifier().into_exposed());
    let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let request = client
        .authorize_url(flow, move || CsrfToken::new(state), move || Nonce::new(nonce))
        .add_scopes(settings.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    Ok(request.url().0.to_string())
}

/// Redeems the code, verifies the ID token, and asks for what it leaves out.
pub(super) async fn identify(
    settings: &Settings,
    provider: &Provider,
    callback_url: &str,
    attempt: &Attempt,
    code: Secret,
    now: DateTime<Utc>,
) -> Result<Person, OidcError> {
    let known = provider.known().await?;
    let client = client(settings, &known, callback_url)?;
    let http = |request| provider.call(request);
    let tokens = client
        .exchange_code(AuthorizationCode::new(code.into_exposed()))
        .map_err(|_| OidcError::Discovery("there is no token endpoint".to_owned()))?
        .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier().into_exposed()))
        .request_async(&http)
        .await
        .map_err(|error| OidcError::Exchange(exchange_text(&error)))?;
    let token = tokens.id_token().ok_or(OidcError::Token("there is none"))?;
    let nonce = attempt.nonce();
    let claims = match verified(settings, &known, token, tokens.access_token(), &nonce, now) {
        // The provider may sign with a key that is newer than those that are known here.
        Err(OidcError::Signature) => match provider.with_newer_keys(&known).await? {
            Some(newer) => verified(settings, &newer, token, tokens.access_token(), &nonce, now)?,
            None => return Err(OidcError::Signature),
        },
        result => result?,
    };
    let mut person = Person {
        subject: Secret::new(claims.subject().as_str()),
        email: email(claims.email().map(|email| email.as_str()), claims.email_verified()),
        groups: groups(claims.additional_claims(), &settings.groups_claim),
    };
    if person.subject.expose().is_empty() || person.subject.expose().len() > SUBJECT_BYTES_MAX {
        return Err(OidcError::Token("its subject is empty or too long"));
    }
    // By the standard, what the scopes ask for need not be in the token: the provider may tell it when asked for it.
    let lacks_email = claims.email().is_none() || claims.email_verified().is_none();
    let lacks_groups = !settings.roles.is_empty() && !has_claim(claims.additional_claims(), &settings.groups_claim);
    if lacks_email || lacks_groups {
        let subject = claims.subject().clone();
        if let Ok(request) = client.user_info(tokens.access_token().clone(), Some(subject)) {
            let told: UserInfoClaims<OtherClaims, CoreGenderClaim> =
                request.request_async(&http).await.map_err(|error| OidcError::UserInfo(user_info_text(&error)))?;
            if lacks_email {
                person.email = email(told.email().map(|email| email.as_str()), told.email_verified());
            }
            if lacks_groups {
                person.groups = groups(told.additional_claims(), &settings.groups_claim);
            }
        }
    }
    Ok(person)
}

fn client(settings: &Settings, known: &Known, callback_url: &str) -> Result<OidcClient, OidcError> {
    let redirect = RedirectUrl::new(callback_url.to_owned())
        .map_err(|_| OidcError::Discovery("the callback is no URL: http.public_url, oidc.redirect_url".to_owned()))?;
    let (id, secret) = (settings.client_id.clone(), settings.client_secret.expose().to_owned());
    let client =
        OidcClient::from_provider_metadata(known.metadata.clone(), ClientId::new(id), Some(ClientSecret::new(secret)));
    // In the header, as the standard prefers it, unless the provider takes the secret in the body alone.
    let methods = known.metadata.token_endpoint_auth_methods_supported();
    let takes = |method| methods.is_none_or(|known| known.contains(&method));
    let in_header = takes(CoreClientAuthMethod::ClientSecretBasic) || !takes(CoreClientAuthMethod::ClientSecretPost);
    let client = client.set_redirect_uri(redirect);
    Ok(client.set_auth_type(if in_header { AuthType::BasicAuth } else { AuthType::RequestBody }))
}

/// The claims of an ID token that is by this provider, for this client, of this sign-in, and of now.
fn verified(
    settings: &Settings,
    known: &Known,
    token: &Token,
    access_token: &AccessToken,
    nonce: &Secret,
    now: DateTime<Utc>,
) -> Result<Claims, OidcError> {
    let since = now - LEEWAY - TimeDelta::from_std(GOOD_FOR).unwrap_or(LEEWAY);
    let verifier = IdTokenVerifier::<CoreJsonWebKey>::new_public_client(
        ClientId::new(settings.client_id.clone()),
        known.metadata.issuer().clone(),
        known.metadata.jwks().clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || now - LEEWAY)
    .set_issue_time_verifier_fn(move |at| match at {
        at if at > now + LEEWAY => Err("early".to_owned()),
        at if at < since => Err("late".to_owned()),
        _ => Ok(()),
    });
    let nonce = Nonce::new(nonce.expose().to_owned());
    let claims = token.claims(&verifier, &nonce).map_err(|error| token_error(&error))?;
    let is_ours = |party: &ClientId| **party == settings.client_id;
    if claims.authorized_party().is_some_and(|party| !is_ours(party)) {
        return Err(OidcError::Token("it was given to another client (azp)"));
    }
    if let Some(expected) = claims.access_token_hash() {
        let key = token.signing_key(&verifier).map_err(|_| OidcError::Signature)?;
        let algorithm = token.signing_alg().map_err(|_| OidcError::Signature)?;
        let actual = AccessTokenHash::from_token(access_token, algorithm, key);
        if !actual.is_ok_and(|actual| actual == *expected) {
            return Err(OidcError::Token("it belongs to another access token (at_hash)"));
        }
    }
    Ok(claims.clone())
}

/// What is wrong with a token, without anything of what stands in it.
fn token_error(error: &ClaimsVerificationError) -> OidcError {
    use ClaimsVerificationError as E;
    use SignatureVerificationError as S;
    OidcError::Token(match error {
        E::Expired(_) => "its time is over or not there yet: do both clocks go right?",
        E::InvalidAudience(_) => "it is for another client (aud)",
        E::InvalidIssuer(_) => "it is of another issuer (iss)",
        E::InvalidNonce(_) => "it is of another sign-in (nonce)",
        E::SignatureVerification(S::NoSignature) => "it is not signed",
        E::SignatureVerification(S::DisallowedAlg(_) | S::UnsupportedAlg(_)) => {
            "it is signed in a way that counts for nothing"
        }
        E::SignatureVerification(_) => return OidcError::Signature,
        E::Unsupported(_) => "it is encrypted, or of a form that is not supported",
        _ => "its claims do not fit",
    })
}

/// An address counts if the provider says that it has verified it; silence is no such word.
fn email(address: Option<&str>, is_verified: Option<bool>) -> Option<Email> {
    let address = address?.trim().to_lowercase();
    let is_one = address.len() <= EMAIL_BYTES_MAX
        && address.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.contains('@'))
        && !address.chars().any(|c| c.is_control() || c.is_whitespace());
    (is_one && is_verified == Some(true)).then(|| Email::new(address))
}

fn has_claim(claims: &OtherClaims, name: &str) -> bool {
    claims.claims.contains_key(name)
}

/// A list of texts, or one text.
fn groups(claims: &OtherClaims, name: &str) -> BTreeSet<String> {
    match claims.claims.get(name) {
        Some(Value::String(group)) => BTreeSet::from([group.clone()]),
        Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

/// Why a code was not redeemed. What the provider wrote may repeat what it was sent, so it is not told.
fn exchange_text<E: std::error::Error>(
    error: &RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>,
) -> String {
    match error {
        RequestTokenError::ServerResponse(response) => match response.error() {
            CoreErrorResponseType::InvalidClient => "invalid_client: are client_id and client_secret right?",
            CoreErrorResponseType::InvalidGrant => "invalid_grant: the code was used, is too old, or is not ours",
            CoreErrorResponseType::InvalidRequest => "invalid_request",
            CoreErrorResponseType::InvalidScope => "invalid_scope: oidc.scopes",
            CoreErrorResponseType::UnauthorizedClient => "unauthorized_client",
            CoreErrorResponseType::UnsupportedGrantType => "unsupported_grant_type",
            CoreErrorResponseType::Extension(_) => "an error that the standard does not name",
        }
        .to_owned(),
        RequestTokenError::Request(error) => error.to_string(),
        RequestTokenError::Parse(..) => "the answer is no token response".to_owned(),
        RequestTokenError::Other(_) => "the answer is empty or no JSON".to_owned(),
    }
}

fn user_info_text<E: std::error::Error>(error: &UserInfoError<E>) -> String {
    match error {
        UserInfoError::Request(error) => error.to_string(),
        UserInfoError::Response(status, ..) => format!("HTTP {}", status.as_u16()),
        UserInfoError::ClaimsVerification(_) => {
            "what it says is of somebody else, or not signed as it should be".to_owned()
        }
        _ => "the answer cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_only_where_the_provider_says_that_it_was_verified() {
        let kept = |address: &str, is_verified| email(Some(address), is_verified).map(Email::into_exposed);
        assert_eq!(kept("Dana@Example.com", Some(true)).as_deref(), Some("dana@example.com"));
        assert_eq!([kept("dana@example.com", Some(false)), kept("dana@example.com", None)], [None, None]);
        for address in ["dana", "@example.com", "dana@example.com@evil.example", "da na@example.com", "d\n@example.com"]
        {
            assert_eq!(kept(address, Some(true)), None, "{address:?}");
        }
    }
}
