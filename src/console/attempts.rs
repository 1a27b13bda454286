//! How often somebody may try to log in: by address and by name, counted in the database, so that every process counts
//! the same.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::{Console, Denied, address};
use crate::store::users;

/// What attempts are counted over: a quarter of an hour.
const WINDOW_SECONDS: f64 = 900.0;

/// Whom an attempt counted for.
pub(super) struct Counted(Vec<Vec<u8>>);

impl Console {
    /// Counts an attempt before it is looked at. One too many is not looked at.
    pub(super) async fn count_attempt(&self, address: Option<IpAddr>, login: Option<&str>) -> Result<Counted, Denied> {
        let by_address = address
            .map(|from| (subject("address", &address::network(from).to_string()), self.settings.attempts_per_address));
        let by_login = login.map(|login| (subject("login", login), self.settings.attempts_per_login));
        let mut counted = Vec::new();
        for (subject, most) in by_address.into_iter().chain(by_login) {
            let (attempts, seconds_left) =
                users::count_attempt(&self.pool, &subject, WINDOW_SECONDS).await.map_err(Denied::Away)?;
            if u32::try_from(attempts).unwrap_or(u32::MAX) > most {
                return Err(Denied::TooMany(seconds_left.unsigned_abs().max(1)));
            }
            counted.push(subject);
        }
        Ok(Counted(counted))
    }

    /// Who is let in was not guessing.
    pub(super) async fn take_back(&self, counted: &Counted) -> Result<(), Denied> {
        users::take_attempts_back(&self.pool, &counted.0).await.map_err(Denied::Away)
    }
}

/// Names and addresses are not kept.
fn subject(kind: &str, text: &str) -> Vec<u8> {
    Sha256::digest(format!("{kind}:{text}").as_bytes()).to_vec()
}
