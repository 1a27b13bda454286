//! The pictures of a page of numbers: calls, answers, conversions, sentiment, cost, each step leading to its calls.

use super::super::shell::Shell;
use super::super::show;
use super::{Bucket, Chart, Column, Dot, Part, bars, line, money, percent, share};
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
    let mut charts = vec![drawn.calls(), drawn.answers(), drawn.converted(), drawn.sentiment()];
    charts.extend(total.cost.iter().take(UNITS_MAX).map(|cost| drawn.cost(&cost.unit)));
    charts.into_iter().flatten().collect()
}

struct Drawn<'a> {
    shell: &'a Shell,
    buckets: &'a [Bucket],
    also: &'a [(&'a str, &'a str)],
}

impl Drawn<'_> {
    fn part(
        &self,
        bucket: &Bucket,
        class: &'static str,
        count: i64,
        words: (&str, &str),
        more: &[(&str, &str)],
    ) -> Part {
        let also: Vec<_> = self.also.iter().chain(more).copied().collect();
        Part {
            class,
            value: float(count),
            href: bucket.calls(self.shell, &also),
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
                href: bucket.calls(self.shell, self.also),
                title: format!("{}: {} answered", bucket.name, percent(value)),
            }
        });
        line("Answer rate", dots.collect())
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
                self.part(bucket, "b", negative, ("negative call", "negative calls"), &[]),
                self.part(bucket, "d", neutral, ("neutral call", "neutral calls"), &[]),
                self.part(bucket, "c", positive, ("positive call", "positive calls"), &[]),
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
