//! What slows guessing: failures of one network (or browser) for one login make that pair wait, in the database, so that
//! every process counts the same. Nobody else waits: another network signs the same login in at once.
//!
//! Three things are counted. The *pair* of login and place waits after a few failures. A *network* waits after many, so
//! that it cannot try one password on every login; a place that has signed this login in before is not asked. A *login*
//! that is guessed at from everywhere is never refused: attempts from places that it does not know take longer, and the
//! monitor opens an incident.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::HttpRequest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::password::Unfit;
use super::{Console, Denied, address, cookie};
use crate::crypto::{DigestKey, hex, random};
use crate::redact::Secret;
use crate::store::attempts::{self, Counted, Schedule};

/// Failures are forgotten after so long without another.
const FORGOTTEN_SECONDS: f64 = 900.0;
/// How much longer an attempt takes, from a place that the login does not know, while it is guessed at from everywhere.
const LOGIN_DELAY: Duration = Duration::from_secs(2);
/// Attempts of one place that wait for their turn; more are sent away for a second. Twice the people of an office that
/// begin work in the same second.
const LANE_WAITING_MAX: usize = 32;
/// Browsers and networks of a user that are remembered; the last ones.
const PLACES_MAX: i64 = 30;

/// An attempt that may be looked at.
pub(super) struct Attempt {
    /// Whose failures a success forgets.
    pair: Vec<u8>,
    /// Of which a success takes one back.
    shared: Vec<Vec<u8>>,
    lane: Vec<u8>,
    /// Whether the login has signed in from here before.
    is_known: bool,
}

/// Where a request comes from, as digests.
struct Place {
    network: Vec<u8>,
    browser: Vec<u8>,
    cookie: Option<Secret>,
}

/// The places of which passwords are looked at just now: one at a time of each, so that a flood from one network holds
/// one of the permits of [`super::password::Hasher`] and never both.
#[derive(Debug, Default)]
pub(super) struct Lanes(Arc<Mutex<HashMap<Vec<u8>, Lane>>>);

#[derive(Debug)]
struct Lane {
    turn: Arc<Semaphore>,
    waiting: usize,
}

/// A turn, which ends when it is dropped: also by whoever still looks at a password after the client has hung up.
pub(super) struct Turn {
    lanes: Arc<Mutex<HashMap<Vec<u8>, Lane>>>,
    key: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Lanes {
    /// Waits for the turn of this place; `None`: too many of it wait already.
    async fn turn(&self, key: &[u8]) -> Option<Turn> {
        let semaphore = {
            let mut lanes = self.0.lock().ok()?;
            let lane =
                lanes.entry(key.to_vec()).or_insert_with(|| Lane { turn: Arc::new(Semaphore::new(1)), waiting: 0 });
            if lane.waiting >= LANE_WAITING_MAX {
                return None;
            }
            lane.waiting += 1;
            Arc::clone(&lane.turn)
        };
        // From here on the lane is left however this ends, also when the client hangs up.
        let mut turn = Turn { lanes: Arc::clone(&self.0), key: key.to_vec(), _permit: None };
        turn._permit = semaphore.acquire_owned().await.ok();
        Some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Ok(mut lanes) = self.lanes.lock() else { return };
        if let Some(lane) = lanes.get_mut(&self.key) {
            lane.waiting -= 1;
            if lane.waiting == 0 {
                lanes.remove(&self.key);
            }
        }
    }
}

impl Console {
    /// Counts an attempt to sign in, before it is looked at. One that must wait is not looked at.
    pub(super) async fn begin_attempt(
        &self,
        request: &HttpRequest,
        login: &str,
        user_id: Option<Uuid>,
    ) -> Result<Attempt, Denied> {
        let digests = self.digests().await?;
        let Place { network, browser, .. } = self.place(digests, request);
        let places = attempts::places(&self.pool, login, &browser, &network).await.map_err(Denied::Away)?;
        let (is_known_browser, is_known_network) = places;
        let lane = if is_known_browser { browser } else { network.clone() };
        let pair = subject(digests, "pair", &format!("{}:{login}", hex(&lane)));
        let is_known = is_known_browser || is_known_network;
        let mut attempt = Attempt { pair, shared: Vec::new(), lane, is_known };
        if !is_known {
            // The network first: one that must wait writes no row for each login that it makes up.
            let key = subject(digests, "spraying", &hex(&network));
            self.count(&key, self.settings.sign_in_network_failures, None).await?;
            attempt.shared.push(key);
        }
        if let Err(denied) = self.count(&attempt.pair, self.settings.sign_in_free_failures, None).await {
            // What is not looked at is no failure of the network.
            attempts::take_back(&self.pool, &[], &attempt.shared).await.map_err(Denied::Away)?;
            return Err(denied);
        }
        if !is_known {
            let key = subject(digests, "login", login);
            let most = self.settings.sign_in_login_failures;
            // Never refused: whoever guesses must not keep the owner out.
            let schedule = Schedule { free: u32::MAX, ..self.schedule(most) };
            let counted = attempts::count(&self.pool, &key, &schedule, user_id).await.map_err(Denied::Away)?;
            attempt.shared.push(key);
            if matches!(counted, Counted::Free(failures) if failures > most) {
                tokio::time::sleep(LOGIN_DELAY).await;
            }
        }
        Ok(attempt)
    }

    /// Whether this is the password, when it is the turn of the attempt's place.
    pub(super) async fn fits(&self, attempt: &Attempt, given: Secret, hash: Option<Secret>) -> Result<bool, Denied> {
        let looked_at = match self.lanes.turn(&attempt.lane).await {
            Some(turn) => self.hasher.fits(attempt.is_known, turn, given, hash).await,
            None => Err(Unfit::Busy),
        };
        if looked_at == Err(Unfit::Busy) {
            let counted = [&attempt.shared[..], std::slice::from_ref(&attempt.pair)].concat();
            attempts::take_back(&self.pool, &[], &counted).await.map_err(Denied::Away)?;
            return Err(Denied::TooMany(1));
        }
        Ok(looked_at.unwrap_or(false))
    }

    /// The password was right: its place is no longer slowed.
    pub(super) async fn forgive(&self, attempt: &Attempt) -> Result<(), Denied> {
        attempts::take_back(&self.pool, std::slice::from_ref(&attempt.pair), &attempt.shared)
            .await
            .map_err(Denied::Away)
    }

    /// Somebody has signed in here: the place is known from now on. Returns the value of `Set-Cookie` by which the
    /// browser is known again. A cookie that this login does not know is replaced: somebody else may have set it.
    pub(super) async fn remember(&self, request: &HttpRequest, login: &str, user_id: Uuid) -> Result<String, Denied> {
        let digests = self.digests().await?;
        let place = self.place(digests, request);
        let known = attempts::places(&self.pool, login, &place.browser, &place.network).await.map_err(Denied::Away)?;
        let browser = place.cookie.filter(|_| known.0).unwrap_or_else(random);
        let places = [subject(digests, "browser", browser.expose()), place.network];
        attempts::keep_places(&self.pool, user_id, &places, PLACES_MAX).await.map_err(Denied::Away)?;
        Ok(cookie::set_browser(&browser, self.is_https(request)))
    }

    /// The digest of the browser's cookie, if this login has signed in with it.
    pub(super) async fn known_browser(&self, request: &HttpRequest, login: &str) -> Result<Option<String>, Denied> {
        let digests = self.digests().await?;
        let place = self.place(digests, request);
        let known = attempts::places(&self.pool, login, &place.browser, &place.network).await.map_err(Denied::Away)?;
        Ok(known.0.then(|| hex(&place.browser)))
    }

    fn place(&self, digests: &DigestKey, request: &HttpRequest) -> Place {
        let network = self.address(request).map(address::network);
        let network = subject(digests, "network", &network.map(|network| network.to_string()).unwrap_or_default());
        let cookie = cookie::read_browser(request, self.is_https(request));
        let browser = subject(digests, "browser", cookie.as_ref().map_or("", Secret::expose));
        Place { network, browser, cookie }
    }

    /// Counts for one subject; refuses an attempt within its wait.
    pub(super) async fn count(&self, key: &[u8], free: u32, user_id: Option<Uuid>) -> Result<(), Denied> {
        match attempts::count(&self.pool, key, &self.schedule(free), user_id).await.map_err(Denied::Away)? {
            Counted::Free(_) => Ok(()),
            Counted::Wait(seconds) => Err(Denied::TooMany(seconds)),
        }
    }

    fn schedule(&self, free: u32) -> Schedule {
        Schedule {
            free,
            first_wait_seconds: self.settings.sign_in_first_wait.as_secs_f64(),
            longest_wait_seconds: self.settings.sign_in_longest_wait.as_secs_f64(),
            forgotten_seconds: FORGOTTEN_SECONDS,
        }
    }
}

/// Names and addresses are not kept, and nobody finds them out by trying.
pub(super) fn subject(digests: &DigestKey, kind: &str, text: &str) -> Vec<u8> {
    digests.digest_parts("login_attempt", &[kind.as_bytes(), text.as_bytes()]).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_has_one_turn_at_a_time_and_others_need_not_wait_for_it() {
        let lanes = Lanes::default();
        let first = lanes.turn(b"here").await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(20), lanes.turn(b"here")).await;
        assert!(second.is_err(), "it waits");
        assert!(lanes.turn(b"there").await.is_some(), "another place does not");
        drop(first);
        assert!(lanes.turn(b"here").await.is_some());
        assert!(lanes.0.lock().unwrap().is_empty(), "nothing is left of them");
    }
}
