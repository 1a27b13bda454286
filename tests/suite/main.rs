//! The suite: one program, so that it is linked once, over one throw-away Postgres.

#![expect(clippy::unwrap_used, reason = "a test stops where something is amiss")]
#![expect(clippy::disallowed_methods, reason = "tests speak SQL in place")]

mod support;

mod access;
mod alerts;
mod analysis;
mod api;
mod api_setup;
mod api_writes;
mod appointments;
mod attributions;
mod bad_input;
mod billing;
mod bounds;
mod browser;
mod chaos;
mod cli;
mod console;
mod conversations;
mod crash;
mod crm;
mod crm_vendor;
mod door;
mod erasure;
mod erasure_jobs;
mod fairness;
mod first_minute;
mod first_run_pages;
mod functions;
mod fuzz;
mod handlers;
mod inbox;
mod leads_page;
mod live;
mod live_time;
mod merge;
mod numbers_page;
mod operations;
mod ops;
mod outbox;
mod outreach;
mod overview;
mod pages;
mod pages_access;
mod paging;
mod permutations;
mod plans;
mod poison;
mod privacy;
mod reconcile;
mod reconcile_calls;
mod reconcile_lists;
mod replay;
mod replay_after_jobs;
mod retention;
mod samples;
mod sdk;
mod search;
mod sessions;
mod setup;
mod story_permutations;
mod tenants;
mod verdicts;
mod whatsapp;
