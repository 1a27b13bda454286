//! The second factor: codes by time (RFC 6238), and recovery codes for who has lost the telephone. The secret is sealed in
//! the database; of recovery codes keyed digests are kept. A code is good once.

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qrcodegen::{QrCode, QrCodeEcc};
use sqlx::{PgConnection, PgExecutor};
use totp_rs::{Builder, Totp};
use uuid::Uuid;

use super::account::Refused;
use super::attempts::subject;
use super::{Console, Denied, Entry};
use crate::access::Scope;
use crate::crypto::{DigestKey, purpose, random_letters};
use crate::redact::Secret;
use crate::store::operator_log::{Action, Line};
use crate::store::users::Account;
use crate::store::{attempts, second_factors as store, sessions, users};

/// What recovery codes are digested for.
const RECOVERY: &str = "recovery_codes.digest";
/// Recovery codes that one has.
const RECOVERY_CODES: usize = 10;
/// Letters of recovery codes (Crockford's), without those that look like others.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Bytes of a secret: 160 bits, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// A code that is longer is none.
const CODE_BYTES_MAX: usize = 64;

/// A second factor that is being set up: shown to its owner alone.
#[derive(Debug)]
pub struct Setup {
    /// The secret, to be typed into the app.
    pub secret: Secret,
    /// The same with all that an app wants to know: `otpauth://…`.
    pub uri: Secret,
}

/// A right code of a second factor that is being set up.
pub(super) struct FirstCode {
    /// What it was counted for.
    counted: Vec<u8>,
    sealed: String,
    step: i64,
}

impl Setup {
    fn of(secret: &Secret, login: &str) -> Option<Self> {
        let base32 = totp_rs::Secret::from(STANDARD.decode(secret.expose()).ok()?).to_base32();
        let label = percent_encoding::utf8_percent_encode(login, percent_encoding::NON_ALPHANUMERIC);
        let uri = format!("otpauth://totp/Switchhook:{label}?secret={base32}&issuer=Switchhook");
        Some(Self { secret: Secret::new(base32), uri: Secret::new(uri) })
    }

    /// The URI as a picture for cameras: its size, and the path of an SVG.
    pub fn picture(&self) -> Option<(i32, String)> {
        let code = QrCode::encode_text(self.uri.expose(), QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
                path.push_str(&format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET));
            }
        }
        Some((code.size() + 2 * QUIET, path))
    }
}

/// The quiet zone around the picture, in modules, as the standard wants it.
const QUIET: i32 = 4;

impl Console {
    /// Whether a user has a second factor that is confirmed, and must have one.
    pub(super) async fn factor(
        &self,
        executor: impl PgExecutor<'_>,
        user_id: Uuid,
    ) -> Result<(bool, bool), sqlx::Error> {
        let state = store::state(executor, user_id).await?;
        Ok((state.is_on, state.is_required || self.settings.second_factor.is_required()))
    }

    /// Begins to set up a second factor, or goes on with it: until it is confirmed it is asked of nobody. `by`: the session, or
    /// the sign-in that waits, that is shown the secret.
    pub(super) async fn set_up(&self, user_id: Uuid, login: &str, by: Option<&Secret>) -> Result<Setup, sqlx::Error> {
        let bytes: [u8; SECRET_BYTES] = rand::random();
        let sealed = self.keys.seal(purpose::SECOND_FACTOR, &Secret::new(STANDARD.encode(bytes)));
        let begun_by = begun_by(self.keys.load(&self.pool).await?, by);
        let sealed = store::begin(&self.pool, user_id, &sealed, &begun_by).await?;
        let setup = self.keys.open(purpose::SECOND_FACTOR, &sealed).ok().and_then(|secret| Setup::of(&secret, login));
        setup.ok_or_else(|| sqlx::Error::Protocol("a second factor cannot be opened".to_owned()))
    }

    /// Begins to set up one's own second factor, after the password.
    pub async fn begin_second_factor(
        &self,
        request: &HttpRequest,
        entry: &Entry,
        present: Secret,
    ) -> Result<Setup, Refused> {
        let account = self.account(&entry.scope).await?.ok_or(Refused::NotFound)?;
        self.confirm_password(request, entry, &account, present).await?;
        let id = entry.scope.actor().id;
        if self.factor(&self.pool, id).await?.0 {
            return Err(Refused::Unfit("the second factor is on already".to_owned()));
        }
        Ok(self.set_up(id, &account.login, self.session_id(request).as_ref()).await?)
    }

    /// Turns one's own second factor on, by a first code. Returns the recovery codes, this once; other sessions end.
    pub async fn confirm_second_factor(
        &self,
        request: &HttpRequest,
        entry: &Entry,
        code: &str,
    ) -> Result<Vec<Secret>, Refused> {
        let account = self.account(&entry.scope).await?.ok_or(Refused::NotFound)?;
        let session_id = self.session_id(request);
        let first = self.check_first_code(request, &entry.scope, &account.login, code, session_id.as_ref()).await?;
        let mut transaction = self.pool.begin().await?;
        let codes = self.turn_on(&mut transaction, &entry.scope, &first, session_id.as_ref()).await?;
        transaction.commit().await?;
        self.forgive_codes(&first).await?;
        Ok(codes)
    }

    /// Whether this is the first code of what the user is setting up, in the session that was shown it.
    pub(super) async fn check_first_code(
        &self,
        request: &HttpRequest,
        scope: &Scope,
        login: &str,
        code: &str,
        by: Option<&Secret>,
    ) -> Result<FirstCode, Refused> {
        let id = scope.actor().id;
        let (counted, _) = self.count_code(request, (id, login, scope.tenant_id())).await?;
        let begun_by = begun_by(self.keys.load(&self.pool).await?, by);
        let Some(factor) = store::find(&self.pool, id, Some(&begun_by)).await? else {
            return Err(Refused::Unfit(
                "setting it up took too long, or was begun elsewhere meanwhile: begin again".to_owned(),
            ));
        };
        let Some(step) = self.step_of(&factor.secret, code) else {
            self.log_failure(request, "code", Some((id, login, scope.tenant_id()))).await?;
            return Err(Refused::Unfit("the code is not right: is the clock of the telephone right?".to_owned()));
        };
        Ok(FirstCode { counted, sealed: factor.secret, step })
    }

    /// Turns a second factor on, by its first code. What the user has opened without it ends in the same transaction, but
    /// for the session that stays. Returns the recovery codes.
    pub(super) async fn turn_on(
        &self,
        transaction: &mut PgConnection,
        scope: &Scope,
        first: &FirstCode,
        stays: Option<&Secret>,
    ) -> Result<Vec<Secret>, Refused> {
        let id = scope.actor().id;
        users::lock(&mut *transaction, id).await?;
        if !store::confirm(&mut *transaction, id, first.step, &first.sealed).await? {
            return Err(Refused::NotFound);
        }
        let digests = self.keys.load(&self.pool).await?;
        let codes = keep_recovery_codes(transaction, digests, id).await?;
        sessions::close_all(&mut *transaction, id, stays.map(|stays| (digests, stays))).await?;
        Line::of(scope, Action::TurnOnSecondFactor).write(transaction).await?;
        tracing::info!(actor = %scope.actor(), "second factor turned on");
        Ok(codes)
    }

    /// The code was right: no wait is left of the wrong ones before it.
    pub(super) async fn forgive_codes(&self, first: &FirstCode) -> Result<(), sqlx::Error> {
        attempts::take_back(&self.pool, std::slice::from_ref(&first.counted), &[]).await
    }

    /// Turns one's own second factor off, by the password and a code.
    pub async fn turn_off_second_factor(
        &self,
        request: &HttpRequest,
        entry: &Entry,
        present: Secret,
        code: &str,
    ) -> Result<(), Refused> {
        let account = self.prove_both(request, entry, present, code).await?;
        let id = entry.scope.actor().id;
        if self.factor(&self.pool, id).await?.1 {
            return Err(Refused::Unfit(format!("{} must have a second factor", account.login)));
        }
        let mut transaction = self.pool.begin().await?;
        users::lock(&mut *transaction, id).await?;
        store::end_pending(&mut *transaction, id).await?;
        store::remove(&mut *transaction, id).await?;
        Line::of(&entry.scope, Action::TurnOffSecondFactor).write(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes new recovery codes, by the password and a code; the ones before are good no more.
    pub async fn new_recovery_codes(
        &self,
        request: &HttpRequest,
        entry: &Entry,
        present: Secret,
        code: &str,
    ) -> Result<Vec<Secret>, Refused> {
        self.prove_both(request, entry, present, code).await?;
        let digests = self.keys.load(&self.pool).await?;
        let mut transaction = self.pool.begin().await?;
        let codes = keep_recovery_codes(&mut transaction, digests, entry.scope.actor().id).await?;
        Line::of(&entry.scope, Action::NewRecoveryCodes).write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(codes)
    }

    async fn prove_both(
        &self,
        request: &HttpRequest,
        entry: &Entry,
        present: Secret,
        code: &str,
    ) -> Result<Account, Refused> {
        let account = self.account(&entry.scope).await?.ok_or(Refused::NotFound)?;
        self.confirm_password(request, entry, &account, present).await?;
        let user = (entry.scope.actor().id, account.login.as_str(), account.tenant_id);
        if !self.check_code(request, user, code).await? {
            return Err(Refused::Unfit("the code is not right, or was used before".to_owned()));
        }
        Ok(account)
    }

    /// Whether this is a code of the user that is good now, by time or for recovery. It is good no more afterwards.
    pub(super) async fn check_code(
        &self,
        request: &HttpRequest,
        (id, login, tenant_id): (Uuid, &str, Option<Uuid>),
        code: &str,
    ) -> Result<bool, Denied> {
        let (key, is_known) = self.count_code(request, (id, login, tenant_id)).await?;
        let wait = if is_known { None } else { store::count_code(&self.pool, id).await.map_err(Denied::Away)? };
        if let Some(seconds) = wait {
            self.log_failure(request, "too many codes", Some((id, login, tenant_id))).await.map_err(Denied::Away)?;
            return Err(Denied::TooMany(seconds));
        }
        let is_good = self.use_code(id, code).await.map_err(Denied::Away)?;
        if is_good {
            attempts::take_back(&self.pool, &[key], &[]).await.map_err(Denied::Away)?;
            if !is_known {
                store::take_code_back(&self.pool, id).await.map_err(Denied::Away)?;
            }
        } else {
            self.log_failure(request, "code", Some((id, login, tenant_id))).await.map_err(Denied::Away)?;
        }
        Ok(is_good)
    }

    async fn use_code(&self, id: Uuid, code: &str) -> Result<bool, sqlx::Error> {
        let Some(factor) = store::find(&self.pool, id, None).await? else { return Ok(false) };
        if let Some(step) = self.step_of(&factor.secret, code) {
            return store::use_step(&self.pool, id, step).await;
        }
        if code.len() > CODE_BYTES_MAX {
            return Ok(false);
        }
        let digest = self.keys.load(&self.pool).await?.digest(RECOVERY, &plain(code));
        store::use_recovery_code(&self.pool, id, &digest).await
    }

    /// The step of time that a code is of, if it is of this secret and of now, or of the step before or after.
    fn step_of(&self, sealed: &str, code: &str) -> Option<i64> {
        let secret = match self.keys.open(purpose::SECOND_FACTOR, sealed) {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!(%error, "a second factor cannot be opened");
                return None;
            }
        };
        let now = u64::try_from(self.clock.now().timestamp()).ok()?;
        let step = totp(&secret)?.check(&plain(code), now)?;
        i64::try_from(step).ok()
    }

    /// Counts a code before it is looked at. A browser that the login knows is counted by itself; all others together:
    /// they know the password already, and a million codes are few. Returns what it was counted for, and whether the browser
    /// is known.
    async fn count_code(
        &self,
        request: &HttpRequest,
        (id, login, tenant_id): (Uuid, &str, Option<Uuid>),
    ) -> Result<(Vec<u8>, bool), Denied> {
        let known = self.known_browser(request, login).await?;
        let lane = known.as_deref().unwrap_or_default();
        let key = subject(self.digests().await?, "code", &format!("{id}:{lane}"));
        match self.count(&key, self.settings.sign_in_free_failures, None).await {
            Ok(()) => Ok((key, known.is_some())),
            Err(denied) => {
                self.log_failure(request, "slowed", Some((id, login, tenant_id))).await.map_err(Denied::Away)?;
                Err(denied)
            }
        }
    }
}

/// Who is shown a secret that is being set up.
fn begun_by(digests: &DigestKey, by: Option<&Secret>) -> [u8; 32] {
    digests.digest("second_factors.begun_by", by.map_or("", Secret::expose))
}

/// Makes the recovery codes of a user, in place of all before.
async fn keep_recovery_codes(
    connection: &mut PgConnection,
    digests: &DigestKey,
    user_id: Uuid,
) -> Result<Vec<Secret>, sqlx::Error> {
    let codes: Vec<Secret> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let kept: Vec<Vec<u8>> =
        codes.iter().map(|code| digests.digest(RECOVERY, &plain(code.expose())).to_vec()).collect();
    store::keep_recovery_codes(connection, user_id, &kept).await?;
    Ok(codes)
}

fn totp(secret: &Secret) -> Option<Totp> {
    // Six digits of SHA-1 every thirty seconds: what every app knows.
    Builder::new().with_secret(STANDARD.decode(secret.expose()).ok()?).build().ok()
}

/// Without the spaces and dashes that people read it by.
fn plain(code: &str) -> String {
    code.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Ten letters in two groups: fifty bits.
fn recovery_code() -> Secret {
    Secret::new(format!("{}-{}", random_letters::<5>(LETTERS), random_letters::<5>(LETTERS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard_and_of_one_step_around() {
        // RFC 6238, appendix B, SHA-1; its last six digits.
        let totp = totp(&Secret::new(STANDARD.encode("12345678901234567890"))).unwrap();
        for (at, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(totp.check(code, at), Some(at / 30));
            assert_eq!([totp.check(code, at + 30).is_some(), totp.check(code, at + 60).is_some()], [true, false]);
        }
    }

    #[test]
    fn a_recovery_code_is_read_in_any_spelling_and_a_picture_is_square() {
        let code = recovery_code();
        assert_eq!(plain(code.expose()), plain(&code.expose().to_uppercase().replace('-', " ")));
        assert_eq!(plain(code.expose()).len(), 10);
        let setup = Setup::of(&Secret::new(STANDARD.encode([7; SECRET_BYTES])), "dana@example.com").unwrap();
        assert!(setup.uri.expose().starts_with("otpauth://totp/Switchhook:dana%40example%2Ecom?secret="));
        let (size, path) = setup.picture().unwrap();
        assert!(size > 30 && path.starts_with("M4 4h1v1h-1z"));
    }
}
