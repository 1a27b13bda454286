//! Memory for bodies, counted as bytes arrive: an announced length takes nothing, and a body without one is counted like
//! any other. Live requests, webhooks, uploads and what pages and the API are sent have budgets of their own, so none of
//! them waits behind another.
//!
//! Of each budget strangers share a third, and a network that has verified lately has two thirds at most: neither one
//! network nor many that nobody knows take all of it. The first bytes of a body ([`FREE_BYTES`]) are free, because the cap
//! on open sockets bounds them: an ordinary webhook needs no budget, whatever else is going on.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::networks::Standing;

/// Bytes of a body that are not counted. Times `http.sockets_max` they are the memory that everybody together can take.
pub(super) const FREE_BYTES: usize = 16 * 1024;
/// A body of a webhook that is longer than this is an upload. Transcripts of long calls are shorter; recordings are not.
const WEBHOOK_BYTES_MAX: usize = 256 * 1024;
/// The longest body of a live request. Retell sends the transcript so far with every tool call; of an hour's call that is
/// some hundred kilobytes.
pub(super) const LIVE_BYTES_MAX: usize = 1024 * 1024;

/// What a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A request of a URL for live requests: somebody waits on the line.
    Live,
    /// Any other, as long as it is short.
    Webhook,
    /// A long one.
    Upload,
    /// What pages and the API are sent: forms are read before it is known whose they are.
    Page,
}

/// All budgets.
#[derive(Debug)]
pub(super) struct Budgets {
    totals: [usize; 4],
    used: Mutex<[Used; 4]>,
    freed: Notify,
}

/// What is taken of one budget.
#[derive(Debug, Default)]
struct Used {
    all: usize,
    strangers: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// What one request has taken; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Account {
    budgets: Arc<Budgets>,
    class: Class,
    network: IpAddr,
    standing: Standing,
    taken: usize,
}

/// There is no room now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Budgets {
    /// Budgets of so many bytes together: one part of sixteen for live requests, two for webhooks, twelve for uploads, one
    /// for pages and the API.
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        let part = bytes / 16;
        Arc::new(Self { totals: [part, part * 2, part * 12, part], used: Mutex::default(), freed: Notify::new() })
    }

    /// An account that has taken nothing.
    pub(super) fn open(self: &Arc<Self>, class: Class, network: IpAddr, standing: Standing) -> Account {
        Account { budgets: Arc::clone(self), class, network, standing, taken: 0 }
    }

    fn used(&self) -> MutexGuard<'_, [Used; 4]> {
        // Sums stay true whatever panicked while they were held: each is written at once.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    /// Takes `more` bytes beside the `own` that were taken before, if there is room.
    fn take(&mut self, total: usize, account: &Account, own: usize, more: usize) -> bool {
        let of_network = self.by_network.get(&account.network).copied().unwrap_or_default();
        let is_known = account.standing == Standing::Known;
        let (group_cap, network_cap, may_be_alone) = match account.standing {
            Standing::Known => (total, total / 3 * 2, true),
            Standing::Stranger => (total / 3, total / 12, true),
            Standing::Suspect => (total / 3, total / 32, false),
        };
        let group = if is_known { self.all } else { self.strangers };
        // One request alone is given what it needs, so that the longest body of a platform that nobody knows yet can be
        // verified at all. Live requests are short, and all strangers together never take more than their part.
        let fits = |used: usize, cap: usize, may_be_alone: bool| used + more <= cap || (may_be_alone && used <= own);
        let may_exceed_group = may_be_alone && account.class != Class::Live;
        if self.all + more > total.max(own + more)
            || !fits(group, group_cap, may_exceed_group)
            || !fits(of_network, network_cap, may_be_alone)
        {
            return false;
        }
        self.all += more;
        self.strangers += if is_known { 0 } else { more };
        *self.by_network.entry(account.network).or_default() += more;
        true
    }

    fn give_back(&mut self, account: &Account, bytes: usize) {
        self.all -= bytes;
        self.strangers -= if account.standing == Standing::Known { 0 } else { bytes };
        if let Some(of_network) = self.by_network.get_mut(&account.network) {
            *of_network -= bytes;
            if *of_network == 0 {
                self.by_network.remove(&account.network);
            }
        }
    }
}

impl Account {
    /// Makes room for a body that holds `bytes` by now. Known networks wait for it; nobody waits for strangers.
    pub(super) async fn hold(&mut self, bytes: usize, patience: Duration) -> Result<(), NoRoom> {
        let until = Instant::now() + patience;
        let budgets = Arc::clone(&self.budgets);
        loop {
            let freed = budgets.freed.notified();
            if self.hold_now(bytes).is_ok() {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            if self.standing != Standing::Known || tokio::time::timeout(left, freed).await.is_err() {
                return Err(NoRoom);
            }
        }
    }

    /// The same without a wait.
    pub(super) fn hold_now(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let needed = bytes.saturating_sub(FREE_BYTES);
        if needed <= self.taken || self.take(needed, bytes) { Ok(()) } else { Err(NoRoom) }
    }

    fn take(&mut self, needed: usize, bytes: usize) -> bool {
        let budgets = Arc::clone(&self.budgets);
        let total = |class: Class| budgets.totals[class as usize];
        let mut used = budgets.used();
        if self.class == Class::Webhook && bytes > WEBHOOK_BYTES_MAX {
            if !used[Class::Upload as usize].take(total(Class::Upload), self, 0, needed) {
                return false;
            }
            used[Class::Webhook as usize].give_back(self, self.taken);
            self.class = Class::Upload;
            budgets.freed.notify_waiters();
        } else if !used[self.class as usize].take(total(self.class), self, self.taken, needed - self.taken) {
            return false;
        }
        self.taken = needed;
        true
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.taken > 0 {
            let mut used = self.budgets.used();
            used[self.class as usize].give_back(self, self.taken);
            drop(used);
            self.budgets.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;
    const NOW: Duration = Duration::ZERO;

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test]
    async fn strangers_never_take_what_known_networks_need_and_no_network_takes_all() {
        let budgets = Budgets::new(128 * MIB);
        let mut strangers = Vec::new();
        for last in 0..=255 {
            let mut account = budgets.open(Class::Webhook, from(last), Standing::Stranger);
            if account.hold(33 * MIB, NOW).await.is_ok() {
                strangers.push(account);
            }
        }
        assert_eq!(strangers.len(), 1, "one long body at a time, of all strangers");
        let mut known = Vec::new();
        for last in 1..3 {
            for _ in 0..3 {
                let mut account = budgets.open(Class::Webhook, from(last), Standing::Known);
                if account.hold(32 * MIB, NOW).await.is_ok() {
                    known.push(account);
                }
            }
        }
        assert_eq!(known.len(), 1, "what the stranger took is taken");
        drop(strangers);
        let mut next = budgets.open(Class::Webhook, from(1), Standing::Known);
        assert_eq!(next.hold(32 * MIB, NOW).await, Ok(()), "and is there again");
        let mut third = budgets.open(Class::Webhook, from(1), Standing::Known);
        assert_eq!(third.hold(32 * MIB, NOW).await, Err(NoRoom), "two thirds for one network");
    }

    #[tokio::test]
    async fn uploads_leave_webhooks_and_live_requests_alone_and_everything_is_given_back() {
        let budgets = Budgets::new(16 * MIB);
        let mut upload = budgets.open(Class::Webhook, from(1), Standing::Known);
        for megabytes in 1..=12 {
            upload.hold(megabytes * MIB, NOW).await.unwrap();
        }
        for class in [Class::Webhook, Class::Live] {
            let mut account = budgets.open(class, from(2), Standing::Stranger);
            assert_eq!(account.hold(100 * 1024, NOW).await, Ok(()), "{class:?}");
        }
        let mut suspect = budgets.open(Class::Webhook, from(3), Standing::Suspect);
        assert_eq!(suspect.hold(FREE_BYTES, NOW).await, Ok(()), "the first bytes are free");
        assert_eq!(suspect.hold(MIB, NOW).await, Err(NoRoom));
        drop(upload);
        drop(suspect);
        let used = budgets.used.lock().unwrap();
        assert!(used.iter().all(|used| used.all == 0 && used.strangers == 0 && used.by_network.is_empty()), "{used:?}");
    }

    #[tokio::test]
    async fn strangers_together_leave_two_thirds_of_the_memory_for_live_requests() {
        let budgets = Budgets::new(128 * MIB);
        let mut held = Vec::new();
        for last in 0..=255 {
            let mut account = budgets.open(Class::Live, from(last), Standing::Stranger);
            if account.hold(LIVE_BYTES_MAX, NOW).await.is_ok() {
                held.push(account);
            }
        }
        assert!(!held.is_empty(), "a platform that nobody knows yet is read");
        assert!(held.len() * (LIVE_BYTES_MAX - FREE_BYTES) <= 8 * MIB / 3, "{} at once", held.len());
        let small = Budgets::new(MIB);
        let mut alone = small.open(Class::Live, from(1), Standing::Stranger);
        assert_eq!(alone.hold(LIVE_BYTES_MAX, NOW).await, Err(NoRoom), "also where there is only one");
    }

    #[tokio::test]
    async fn a_known_network_waits_for_room() {
        let budgets = Budgets::new(16 * MIB);
        let mut first = budgets.open(Class::Live, from(1), Standing::Known);
        first.hold(MIB, NOW).await.unwrap();
        let mut second = budgets.open(Class::Live, from(2), Standing::Known);
        let (waited, ()) = tokio::join!(second.hold(MIB, Duration::from_secs(60)), async {
            tokio::task::yield_now().await;
            drop(first);
        });
        assert_eq!(waited, Ok(()));
    }
}
