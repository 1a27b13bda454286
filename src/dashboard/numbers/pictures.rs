//! The pictures of a page of numbers: calls, answers, conversions, sentiment, cost, each step leading to its calls.

use super::super::shell::Shell;
use super::super::show;
use super::{Bucket, Chart, Column, Dot, Part, bars, line, minutes, money, percent, share};
use crate::store::people::{Cost, Numbers};

/// Units of cost that get a picture: platforms charge in one or two.
const UNITS_MAX: usize = 3;

/// All of them that have something to show. `also`: further parameters of the lists behind them.
pub(in crate::dashboard) fn pictures(
    shell: &Shell,
    buckets: &[Bucket],
    total: &Numbers,
    also: &[(&str, &str)],
) -> Vec<Chart> {
    let drawn = Drawn { shell, buckets, also };
    let mut charts = vec![drawn.calls(), drawn.answers(), drawn.responses(), drawn.converted(), drawn.sentiment()];
    charts.extend(total.cost.iter().take(UNITS_MAX).map(|cost| drawn.cost(&cost.unit)));
    charts.into_iter().flatten().collect()
}

/// Minutes at the top of a picture of waits: one reads them, and half of them, easily. An answer comes within a day.
const WAITS: [f64; 11] = [2.0, 4.0, 10.0, 20.0, 30.0, 60.0, 120.0, 240.0, 480.0, 720.0, 1_440.0];

struct Drawn<'a> {
    shell: &'a Shell,
    buckets: &'a [Bucket],
    also: &'a [(&'a str, &'a str)],
}

impl Drawn<'_> {
    /// The calls of a step that are also so.
    fn rows(&self, bucket: &Bucket, more: &[(&str, &str)]) -> String {
        bucket.calls(self.shell, &[self.also, more].concat())
    }

    fn part(
        &self,
        bucket: &Bucket,
        class: &'static str,
        count: i64,
        words: (&str, &str),
        more: &[(&str, &str)],
    ) -> Part {
        Part {
            class,
            value: float(count),
            href: self.rows(bucket, more),
            title: format!("{}: {}", bucket.name, show::plural(count, words.0, words.1)),
        }
    }

    fn bars(
        &self,
        title: &str,
        legend: &[(&'static str, &'static str)],
        parts: impl Fn(&Bucket) -> Vec<Part>,
    ) -> Option<Chart> {
        let columns = self.buckets.iter().map(|bucket| Column { tick: bucket.tick.clone(), parts: parts(bucket) });
        bars(title, legend, columns.collect(), whole)
    }

    fn calls(&self) -> Option<Chart> {
        self.bars("Calls", &[("a", "Calls"), ("b", "of them missed")], |bucket| {
            let Numbers { calls, missed, .. } = bucket.numbers;
            let mut all = self.part(bucket, "a", calls - missed, ("call", "calls"), &[]);
            all.title =
                format!("{}: {}, {} missed", bucket.name, show::plural(calls, "call", "calls"), show::count(&missed));
            vec![self.part(bucket, "b", missed, ("missed call", "missed calls"), &[("missed", "1")]), all]
        })
    }

    fn answers(&self) -> Option<Chart> {
        let dots = self.buckets.iter().map(|bucket| {
            let value = share(bucket.numbers.answered, bucket.numbers.calls);
            Dot {
                tick: bucket.tick.clone(),
                value,
                href: self.rows(bucket, &[("answered", "1")]),
                title: format!("{}: {} answered", bucket.name, percent(value)),
            }
        });
        line("Answer rate", dots.collect(), 1.0, |share| percent(Some(share)))
    }

    fn responses(&self) -> Option<Chart> {
        let dots: Vec<Dot> = self
            .buckets
            .iter()
            .map(|bucket| {
                let (missed, answered, value) = match &bucket.responses {
                    Some(found) => (found.missed, found.answered, found.median_minutes),
                    None => (0, 0, None),
                };
                Dot {
                    tick: bucket.tick.clone(),
                    value,
                    href: self.rows(bucket, &[("missed", "1")]),
                    title: format!(
                        "{}: half of the answers within {}; {} of the last {} answered within a day",
                        bucket.name,
                        bucket.response(),
                        show::count(&answered),
                        show::plural(missed, "missed call", "missed calls")
                    ),
                }
            })
            .collect();
        let longest = dots.iter().filter_map(|dot| dot.value).fold(0.0, f64::max);
        let top = WAITS.into_iter().find(|top| *top >= longest).unwrap_or(longest);
        line("Time until missed callers are answered", dots, top, minutes)
    }

    fn converted(&self) -> Option<Chart> {
        self.bars("Converted", &[], |bucket| {
            let words = ("call converted", "calls converted");
            vec![self.part(bucket, "c", bucket.numbers.converted, words, &[("converted", "1")])]
        })
    }

    fn sentiment(&self) -> Option<Chart> {
        self.bars("Sentiment", &[("b", "negative"), ("d", "neutral"), ("c", "positive")], |bucket| {
            let Numbers { positive, neutral, negative, .. } = bucket.numbers;
            vec![
                self.part(bucket, "b", negative, ("negative call", "negative calls"), &[("sentiment", "negative")]),
                self.part(bucket, "d", neutral, ("neutral call", "neutral calls"), &[("sentiment", "neutral")]),
                self.part(bucket, "c", positive, ("positive call", "positive calls"), &[("sentiment", "positive")]),
            ]
        })
    }

    fn cost(&self, unit: &str) -> Option<Chart> {
        let columns = self.buckets.iter().map(|bucket| {
            let spent = bucket.numbers.cost.iter().filter(|cost| cost.unit == unit).map(|cost| cost.amount).sum();
            let cost = Cost { unit: unit.to_owned(), amount: spent };
            Column {
                tick: bucket.tick.clone(),
                parts: vec![Part {
                    class: "a",
                    value: if unit.ends_with("_cents") || unit.ends_with("_agorot") { spent / 100.0 } else { spent },
                    href: bucket.calls(self.shell, self.also),
                    title: format!("{}: {}", bucket.name, money(&cost)),
                }],
            }
        });
        let title = match unit {
            "usd_cents" | "USD" => "Cost in dollars".to_owned(),
            "ils_agorot" => "Cost in shekels".to_owned(),
            unit => format!("Cost in {}", unit.replace('_', " ")),
        };
        bars(&title, &[], columns.collect(), amount)
    }
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn amount(value: f64) -> String {
    if value == 0.0 || value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[expect(clippy::cast_precision_loss, reason = "the height of a bar does not need the last digit")]
fn float(count: i64) -> f64 {
    count as f64
}
