//! Billing: what tenants pay a minute, what their calls cost, what they paid in, and what is left.
//!
//! A charge follows from the final row of its call and from the rate that was in force when that row was first written.
//! Both are the same in every order of events, and a replay finds them unchanged.

mod amount;
mod balances;
mod charges;
mod credits;
mod rates;

pub use amount::Amount;
pub use balances::{Balance, CreditState, balances, states};
pub(super) use charges::charge;
pub use charges::{ChargeRow, list as charges, page as page_charges};
pub use credits::{CreditRow, NewCredit, add as add_credit, list as credits};
pub use rates::{NewRate, RateRow, list as rates, set as set_rate, set_low_credit};
