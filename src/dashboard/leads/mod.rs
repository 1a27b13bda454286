//! `/leads`: the people who called or wrote: the list, one of them with everything that happened, and what people decide
//! about them.

mod data;
mod edit;
mod export;
mod filter;
mod lead;
mod list;
mod timeline;

pub(super) use edit::{do_not_contact, edit};
pub(super) use export::show as export;
pub(super) use lead::show;
pub(super) use list::show as list;
