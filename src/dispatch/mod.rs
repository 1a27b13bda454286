//! Which handler an event type has: the three kinds of handler, and the registry.

mod handler;
mod registry;

pub use handler::{Handler, InTransaction, Pure};
pub use registry::{Registry, RegistryError, Routes};
