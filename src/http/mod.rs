//! The door. It proves who sent a webhook, writes it down, and only then says 200.

mod answer;
mod body;
mod commit;
mod connections;
mod handshake;
mod health;
mod questions;
mod rejections;
mod server;
mod settings;
mod throttle;
mod webhooks;

pub(crate) use crate::console::address::parse as parse_network;
pub use commit::{Committer, StoreError};
pub use connections::Connections;
pub use rejections::{Rejection, Rejections};
pub use server::{Door, Draining, routes, start, start_console};
pub use settings::Settings;
