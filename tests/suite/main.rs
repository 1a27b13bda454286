//! The suite: one program, so that it is linked once, over one throw-away Postgres.

mod support;

mod bad_input;
mod crash;
mod door;
mod handlers;
mod inbox;
mod merge;
mod permutations;
mod poison;
mod privacy;
mod replay;
mod samples;
mod tenants;
