//! Switchhook receives the webhooks of voice platforms, keeps every one of them in Postgres exactly once, and turns
//! them into calls and leads. The rooms, in the order an event walks through them:

pub mod admin; // every change that a person makes, one function each, with its line in the operator log
pub mod api; // JSON for scripts and pages
pub mod cli; // one file a command
pub mod config;
pub mod console; // who may come in: logging in, sessions, limits, headers
pub mod dashboard; // pages for people
pub mod dispatch; // the registry: which handler an event type has
pub mod domain; // what events mean: pure types, merge rules, reactions
pub mod http; // the door: proves who sent a webhook, answers once it is on disk
pub mod inbox; // webhook_events: store once, claim, settle
pub mod integrations; // the vendors that we call
pub mod jobs; // what the outbox does: one file a kind
pub mod live; // who is calling, and what the agent wants done: answered while somebody waits
pub mod outbox; // jobs: what must happen next
pub mod processor; // claims batches and carries them through translate, resolve, fold, write, settle
pub mod providers; // one folder a platform: verify, envelope, translate
pub mod reconcile; // asks the platforms what calls there were, and fetches what never came
pub mod retention; // what goes away: old data by rule, people who ask to be forgotten
pub mod spool; // webhooks in files while the database cannot take them
pub mod store; // the SQL of the domain tables // config.toml, a file of yours, the environment

pub mod access; // roles, rights, scopes
pub mod queue; // what the two queues share: failure, backoff, wake-up

pub mod clock; // the ground: time,
pub mod crypto; // master keys, keyed ids and digests,
pub mod db; // the database,
mod duration_text; // durations in configuration,
pub mod embedded_postgres; // a Postgres of our own,
mod nearest; // what somebody probably meant,
pub mod redact; // personal data as types,
pub mod telemetry; // logs and metrics
pub mod urls; // URLs among the settings: what may be sent there, what may be printed
