//! Calls: the list with its filters, one call, the rows as CSV, and giving calls to campaigns.

pub(super) mod attribute;
pub(super) mod detail;
pub(super) mod edit;
pub(super) mod export;
pub(super) mod filter;
pub(super) mod list;
pub(super) mod row;
pub(super) mod sound;
pub(super) mod unattributed;
