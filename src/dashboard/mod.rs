//! The pages, for people: server-rendered from templates that are compiled in, readable without script. Every page and
//! every form stands in one list with the right that it needs (`routes`); `gate` lets in by it, and hands the scope on.
//!
//! A new page is one file, one template, one line in `routes`.

mod account;
mod account_factor;
mod assets;
mod calls;
mod campaigns;
mod csv;
mod export;
mod fault;
mod gate;
mod home;
mod leads;
mod numbers;
mod oidc;
mod operations;
mod overview;
mod params;
mod routes;
mod second_step;
mod setup;
mod shell;
mod show;
mod sign_in;
mod visit;
mod when;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};

use crate::console::Console;

pub use routes::ROUTES;

/// The longest form: the ids of a thousand calls, and a note.
const FORM_BYTES_MAX: usize = 256 * 1024;

/// The routes of the pages. Put them up after all others: what nobody else has is looked for here.
pub fn routes(config: &mut ServiceConfig, console: &Data<Console>) {
    config.app_data(console.clone()).configure(assets::register).service(
        web::scope("")
            .app_data(PayloadConfig::new(FORM_BYTES_MAX))
            .wrap(from_fn(gate::gate))
            .configure(routes::register),
    );
}
