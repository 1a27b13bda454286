//! Calls in numbers, as pages show them: of which days, in which steps, as pictures that lead to their calls.

mod buckets;
mod chart;
mod heat;
mod pictures;
mod range;
mod words;

pub(super) use buckets::{Bucket, fill};
pub(super) use chart::{Chart, Column, Dot, Part, bars, line};
pub(super) use heat::{Heat, heat};
pub(super) use pictures::pictures;
pub(super) use range::Range;
pub(super) use words::{Figure, costs, minutes, money, percent, share};
