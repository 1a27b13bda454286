//! Every change that a person makes, one function each, for the command line, the API and the pages alike: the same
//! rules, and a line in `operator_log` in the transaction of the change. A function takes the scope of its actor, which
//! the command line has too ([`crate::access::Scope::cli`]). What people decide about calls and leads is in
//! `store/people/`, which takes a scope and writes its line as well.

pub mod billing;
mod claims;
pub mod crm;
mod error;
pub mod operations;
pub mod rejections;
pub mod retention;
pub mod roster;
pub mod secrets;
pub mod settings;
pub mod sources;
pub mod test_event;
pub mod tokens;
pub mod users;

pub use error::AdminError;

use crate::access::TenantScope;
use crate::store::operator_log::{Action, Line};

/// The line of a change of this tenant's.
fn line_of(scope: &TenantScope, action: Action) -> Line {
    Line::of(scope.scope(), action)
}
