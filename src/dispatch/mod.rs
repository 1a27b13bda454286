//! Which handler an event type has: the three kinds of handler, the functions that a voice agent may call, and the
//! registry.

mod function;
mod handler;
mod registry;

pub use function::{Args, Called, Function, Mistake, Parameter, ParameterKind, Reply, Run, Stop, TenantView, Writing};
pub use handler::{Handler, InTransaction, Pure};
pub use registry::{Registry, RegistryError, Routes};
