//! Who may see and do what, as pure types: every read and write of people takes a scope, and the scope masks what its
//! holder may not see.

mod role;
mod scope;

pub use role::{Right, Role};
pub use scope::{Actor, ActorKind, Scope, TenantScope};
