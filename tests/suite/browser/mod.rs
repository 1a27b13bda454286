//! The pages in a real browser: headless Chromium over WebDriver, which is a handful of POSTs, so it needs no crate.

mod axe;
mod deeds;
mod desk;
mod docs;
mod driver;
mod harness;
mod leads;
mod page;
mod pages;
mod second_factor;
mod sign_in;

pub use page::Browser;
