//! The sockets that are open: how many from where, what each is doing, and which one makes room when there are too many.
//!
//! A flood opens sockets and lets them lie. So a new one is never kept out by those that do nothing: the one that has
//! waited longest without having verified anything makes room, first of networks that have more than their share. Sockets
//! that have carried a verified request go last; those whose request is being worked on, or that have only come, stay.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use ipnet::IpNet;
use tokio::sync::Notify;

use super::Settings;
use super::networks::Networks;
use super::phase::Phase;
use crate::clock::Clock;
use crate::console::address::{is_within, network};

/// One socket in so many makes room at once, and no more than this: looking for them reads all that are open.
const ROOM_SHARE: usize = 16;
const ROOM_MAX: usize = 16;
/// How long a socket is left alone at least: a platform that sends much at once must not have its own sockets closed.
const YOUNG: Duration = Duration::from_millis(500);
/// How often it is looked which sockets are late.
const SWEEP_INTERVAL: Duration = Duration::from_millis(500);
/// The server's own time limits come first, and say 408; this much later the socket is closed, whatever it is doing.
const GRACE: Duration = Duration::from_secs(1);
/// How long the rest of a refused body is read, so that its sender sees the answer.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a reader may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// An open socket.
#[derive(Debug)]
pub(super) struct Socket {
    network: IpAddr,
    /// Whether it comes by a proxy, and so for many networks.
    is_proxy: bool,
    began: Instant,
    phase: AtomicU8,
    /// Since when, in milliseconds after `began`.
    since_ms: AtomicU64,
    /// Since when nothing could be written, in the same; 0: it can be.
    blocked_ms: AtomicU64,
    /// Whether it has carried a request.
    was_used: AtomicBool,
    /// Whether it has carried a verified one.
    is_verified: AtomicBool,
    /// Whether a body of it was too much for the memory that there is.
    pub(super) lacked_room: AtomicBool,
    /// Bytes that were read and that nobody has taken.
    pub(super) ahead_bytes: AtomicUsize,
    /// Who reads it, while it has read far enough ahead.
    pub(super) reader: AtomicWaker,
    closing: Notify,
}

impl Socket {
    fn new(network: IpAddr, is_proxy: bool) -> Self {
        Self {
            network,
            is_proxy,
            began: Instant::now(),
            phase: AtomicU8::new(Phase::Waiting as u8),
            since_ms: AtomicU64::new(0),
            blocked_ms: AtomicU64::new(0),
            was_used: AtomicBool::new(false),
            is_verified: AtomicBool::new(false),
            lacked_room: AtomicBool::new(false),
            ahead_bytes: AtomicUsize::new(0),
            reader: AtomicWaker::new(),
            closing: Notify::new(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Relaxed))
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.since_ms.store(self.now_ms(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
        if phase > Phase::Head {
            self.was_used.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn network(&self) -> IpAddr {
        self.network
    }

    pub(super) fn is_verified(&self) -> bool {
        self.is_verified.load(Ordering::Relaxed)
    }

    /// This socket has carried a verified request: it is among the last to make room.
    pub(super) fn verified(&self) {
        self.is_verified.store(true, Ordering::Relaxed);
    }

    /// The reader has taken what is there, or so much of it.
    pub(super) fn taken(&self, bytes: usize) {
        let less = |ahead: usize| Some(ahead.saturating_sub(bytes));
        self.ahead_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok();
        self.reader.wake();
    }

    /// Whether it can be written to.
    pub(super) fn writes(&self, can: bool) {
        let is_blocked = self.blocked_ms.load(Ordering::Relaxed) > 0;
        if can == is_blocked {
            self.blocked_ms.store(if can { 0 } else { self.now_ms().max(1) }, Ordering::Relaxed);
        }
    }

    /// Returns once the socket must go.
    pub(super) async fn closing(&self) {
        self.closing.notified().await;
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn in_phase(&self) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(self.since_ms.load(Ordering::Relaxed)))
    }

    fn blocked(&self) -> Duration {
        match self.blocked_ms.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_millis(self.now_ms().saturating_sub(since)),
        }
    }

    /// Whether its client has kept it without saying a whole request, which counts against its network.
    fn is_unfinished(&self) -> bool {
        match self.phase() {
            _ if self.is_proxy => false,
            Phase::Waiting => !self.was_used.load(Ordering::Relaxed),
            Phase::Head => true,
            // A body that does not come is answered and counted where it is read.
            Phase::Body | Phase::Working | Phase::Answering | Phase::Draining => false,
        }
    }
}

/// All that are open on one address.
#[derive(Debug)]
pub(super) struct Sockets {
    limits: Limits,
    trusted_proxies: Vec<IpNet>,
    networks: Arc<Networks>,
    clock: Clock,
    open: Mutex<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    all: usize,
    per_network: usize,
    head: Duration,
    body: Duration,
    idle: Duration,
    young: Duration,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    sockets: HashMap<u64, Arc<Socket>>,
    by_network: HashMap<IpAddr, usize>,
}

/// A socket's place among those that are open; dropped, it is free.
#[derive(Debug)]
pub(super) struct Ticket {
    sockets: Arc<Sockets>,
    number: u64,
    pub(super) socket: Arc<Socket>,
}

impl Sockets {
    /// As these settings say, and `all` at most.
    pub(super) fn new(settings: &Settings, all: usize, networks: Arc<Networks>, clock: Clock) -> Arc<Self> {
        let limits = Limits {
            all: all.max(1),
            per_network: settings.sockets_per_network.max(1),
            head: settings.header_timeout,
            body: settings.body_timeout,
            idle: settings.keep_alive,
            young: YOUNG,
        };
        let trusted_proxies = settings.trusted_proxies.clone();
        Arc::new(Self { limits, trusted_proxies, networks, clock, open: Mutex::default() })
    }

    /// Lets a socket in. `None`: there are too many, and every one of them is worked on or has only come.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Ticket> {
        let network = network(peer);
        let mut open = self.open();
        let of_network = open.by_network.get(&network).copied().unwrap_or_default();
        // Everybody comes by a proxy: what it sends is bounded by network where it says whose it is.
        let is_proxy = is_within(peer.to_canonical(), &self.trusted_proxies);
        if !is_proxy && of_network >= self.limits.per_network && !self.make_room(&mut open, Some(network)) {
            return None;
        }
        if open.sockets.len() >= self.limits.all && !self.make_room(&mut open, None) {
            return None;
        }
        let (number, socket) = (open.next, Arc::new(Socket::new(network, is_proxy)));
        open.next += 1;
        open.sockets.insert(number, Arc::clone(&socket));
        *open.by_network.entry(network).or_default() += 1;
        Some(Ticket { sockets: Arc::clone(self), number, socket })
    }

    /// Closes those that have waited longest, of this network or of all. False: none could be.
    fn make_room(&self, open: &mut Open, of: Option<IpAddr>) -> bool {
        let share = self.limits.all / open.by_network.len().max(1);
        let mut idle: Vec<_> = open
            .sockets
            .iter()
            .filter(|(_, socket)| of.is_none_or(|network| socket.network == network))
            .filter(|(_, socket)| socket.phase() != Phase::Working || !socket.blocked().is_zero())
            .filter_map(|(number, socket)| {
                let count = open.by_network.get(&socket.network).copied().unwrap_or_default();
                let has_share = socket.is_proxy || count <= share;
                let is_verified = socket.is_verified();
                // Of equals, those whose body is coming go after those that say nothing.
                let speaks = socket.phase() == Phase::Body;
                let in_phase = socket.in_phase();
                let is_young = in_phase < self.limits.young && (of.is_some() || has_share);
                (!is_young).then_some(((is_verified, has_share, speaks, std::cmp::Reverse(in_phase)), *number))
            })
            .collect();
        idle.sort_unstable();
        let cap = if of.is_some() { self.limits.per_network } else { self.limits.all };
        for (_, number) in idle.iter().take((cap / ROOM_SHARE).clamp(1, ROOM_MAX)) {
            if let Some(socket) = open.remove(*number) {
                self.close(&socket);
            }
        }
        !idle.is_empty()
    }

    /// Closes what is late until all that is left is this.
    pub(super) async fn sweep(this: std::sync::Weak<Self>) {
        while let Some(sockets) = this.upgrade() {
            sockets.close_late();
            drop(sockets);
            tokio::time::sleep(SWEEP_INTERVAL).await;
        }
    }

    fn close_late(&self) {
        let mut open = self.open();
        let late: Vec<u64> = open.sockets.iter().filter(|(_, socket)| self.is_late(socket)).map(|(n, _)| *n).collect();
        for number in late {
            if let Some(socket) = open.remove(number) {
                self.close(&socket);
            }
        }
    }

    fn is_late(&self, socket: &Socket) -> bool {
        let most = match socket.phase() {
            Phase::Waiting if socket.was_used.load(Ordering::Relaxed) => self.limits.idle,
            Phase::Waiting | Phase::Head => self.limits.head,
            Phase::Body => self.limits.body,
            Phase::Draining => DRAIN_TIMEOUT,
            // Every wait of the work has a limit of its own, and an answer that nobody takes is blocked.
            Phase::Working | Phase::Answering => Duration::MAX,
        };
        socket.in_phase() > most.saturating_add(GRACE) || socket.blocked() > WRITE_TIMEOUT
    }

    fn close(&self, socket: &Socket) {
        if socket.is_unfinished() {
            self.networks.count(Some(socket.network), 0, self.clock.now());
        }
        // A permit: also where nobody waits for it yet.
        socket.closing.notify_one();
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Each change is whole before anything can panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn remove(&mut self, number: u64) -> Option<Arc<Socket>> {
        let socket = self.sockets.remove(&number)?;
        if let Some(count) = self.by_network.get_mut(&socket.network) {
            *count -= 1;
            if *count == 0 {
                self.by_network.remove(&socket.network);
            }
        }
        Some(socket)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let closed = self.sockets.open().remove(self.number);
        // The server itself has closed it, late by its own limit; or its client has, after keeping us for as good as that.
        if closed.is_some_and(|socket| socket.is_unfinished() && socket.in_phase() >= self.sockets.limits.head / 2) {
            self.sockets.networks.count(Some(self.socket.network), 0, self.sockets.clock.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn sockets(all: usize, per_network: usize) -> Arc<Sockets> {
        let config = Config::from_parts(None, &std::collections::BTreeMap::new()).unwrap();
        let settings = Settings { sockets_per_network: per_network, ..config.http };
        let mut sockets = Sockets::new(&settings, all, Arc::new(Networks::new(10)), Clock::system());
        Arc::get_mut(&mut sockets).unwrap().limits.young = Duration::ZERO;
        sockets
    }

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn is_open(ticket: &Ticket) -> bool {
        ticket.sockets.open().sockets.contains_key(&ticket.number)
    }

    #[test]
    fn a_network_with_many_makes_room_before_one_with_few() {
        let sockets = sockets(40, 1_000);
        let quiet: Vec<_> = (1..=4).map(|last| sockets.admit(from(last)).unwrap()).collect();
        let flood: Vec<_> = (0..36).map(|_| sockets.admit(from(200)).unwrap()).collect();
        let newcomer = sockets.admit(from(100)).unwrap();
        assert!(quiet.iter().chain([&newcomer]).all(is_open), "those with few stay, though they came first");
        assert_eq!(flood.iter().filter(|ticket| is_open(ticket)).count(), 34);
    }

    #[test]
    fn verified_ones_go_last_and_what_is_worked_on_stays() {
        let sockets = sockets(1_000, 4);
        let tickets: Vec<_> = (0..4).map(|_| sockets.admit(from(1)).unwrap()).collect();
        tickets[0].socket.enter(Phase::Working);
        tickets[1].socket.enter(Phase::Working);
        tickets[1].socket.enter(Phase::Waiting);
        tickets[1].socket.verified();
        let next = sockets.admit(from(1)).unwrap();
        assert!(is_open(&tickets[0]) && is_open(&tickets[1]) && is_open(&next));
        assert_eq!(tickets.iter().filter(|ticket| is_open(ticket)).count(), 3);
        let working: Vec<_> = (0..4).filter_map(|_| sockets.admit(from(2))).collect();
        working.iter().for_each(|ticket| ticket.socket.enter(Phase::Working));
        assert!(sockets.admit(from(2)).is_none(), "all are worked on");
        drop(working);
        assert!(sockets.admit(from(2)).is_some());
    }

    #[test]
    fn an_answer_may_take_long_and_makes_room_where_room_is_needed() {
        let sockets = sockets(1_000, 2);
        let slow = sockets.admit(from(1)).unwrap();
        slow.socket.enter(Phase::Answering);
        slow.socket.since_ms.store(0, Ordering::Relaxed);
        assert!(!sockets.is_late(&slow.socket), "a long one");
        let verified = sockets.admit(from(1)).unwrap();
        verified.socket.enter(Phase::Answering);
        verified.socket.verified();
        let next = sockets.admit(from(1)).unwrap();
        assert!(!is_open(&slow) && is_open(&verified) && is_open(&next), "whoever reads slowly holds nobody up");
    }

    #[test]
    fn those_that_say_nothing_whole_count_against_their_network() {
        let sockets = sockets(1_000, 4);
        let _held: Vec<_> = (0..20).map(|_| sockets.admit(from(1))).collect();
        assert!(sockets.networks.is_over(Some(from(1)), Clock::system().now()).is_some());
        assert!(sockets.networks.is_over(Some(from(2)), Clock::system().now()).is_none());
    }
}
