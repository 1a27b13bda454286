//! The door. It proves who sent a webhook, writes it down, and only then says 200.

mod answer;
mod body;
mod budgets;
mod commit;
mod connections;
mod descriptors;
mod entrance;
mod handshake;
mod health;
mod held;
mod kept;
mod networks;
mod phase;
mod questions;
mod rejections;
mod server;
mod settings;
mod sockets;
mod watch;
mod webhooks;

pub(crate) use crate::console::address::parse as parse_network;
pub use commit::{Committer, StoreError};
pub use connections::Connections;
pub use descriptors::Descriptors;
pub use kept::Waiting;
pub use networks::Networks;
pub use rejections::{Rejection, Rejections};
pub use server::{Door, Draining, routes, start, start_console};
pub use settings::Settings;
