//! `/overview`: calls in numbers and pictures, each of which leads to its calls.

use actix_web::HttpResponse;
use askama::Template;

use super::fault::Fault;
use super::numbers::{Bucket, Chart, Figure, Heat, Range, costs, fill, heat, minutes, percent, pictures, share};
use super::shell::{Shell, page};
use super::show;
use super::visit::Visit;
use crate::store::people::{self, By, Numbers, Overview, Step};

#[derive(Template)]
#[template(path = "overview.html", config = "src/dashboard/askama.toml")]
struct Page {
    choices: Vec<(&'static str, String, bool)>,
    range: Range,
    figures: Vec<Figure>,
    charts: Vec<Chart>,
    heat: Option<Heat>,
    missed_by_hour: bool,
    buckets: Vec<Bucket>,
    /// False: older numbers are still being added up.
    complete: bool,
    is_empty: bool,
    /// Nothing has ever come.
    is_first_run: bool,
    shell: Shell,
}

/// The page.
pub(super) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell("/overview", "Overview").await?;
    let range = Range::read(&shell)?;
    let window = range.window()?;
    let complete = people::refresh_overview(visit.pool(), shell.within(), window).await?;
    let mut transaction = visit.console.begin().await?;
    let by = By { step: Step::Hour, time_zone: shell.zone.name(), campaign_id: None };
    let overview = people::overview(&mut transaction, shell.within(), window, by).await?;
    let mut buckets = fill(&range, shell.zone, &overview.steps);
    let steps: Vec<_> = buckets.iter().map(|bucket| (bucket.from, bucket.until)).collect();
    let responses = people::responses_by_step(&mut transaction, shell.within(), &steps).await?;
    buckets.iter_mut().zip(responses).for_each(|(bucket, responses)| bucket.responses = responses);
    let is_empty = overview.total.calls == 0;
    let is_first_run = is_empty && people::has_no_calls(&mut transaction, shell.within()).await?;
    transaction.commit().await?;
    let missed_by_hour = shell.params.get("hours") == Some("missed");
    page(&Page {
        choices: range.choices(&shell),
        figures: figures(&shell, &range, &overview),
        charts: pictures(&shell, &buckets, &overview.total, &[]),
        heat: heat(&shell, &range, &overview.steps, missed_by_hour),
        missed_by_hour,
        buckets,
        complete,
        is_empty,
        is_first_run,
        range,
        shell,
    })
}

impl Page {
    fn calls(&self, bucket: &Bucket) -> String {
        bucket.calls(&self.shell, &[])
    }

    fn has_responses(&self) -> bool {
        self.buckets.iter().any(|bucket| bucket.responses.is_some())
    }
}

fn figures(shell: &Shell, range: &Range, overview: &Overview) -> Vec<Figure> {
    let Overview { total, responses, .. } = overview;
    let Numbers { calls, inbound, outbound, answered, missed, converted, positive, neutral, negative, talk_ms, .. } =
        total;
    let figure = |label, value: String, more: String, also: Option<&[(&str, &str)]>| Figure {
        label,
        value,
        more,
        href: also.map(|also| range.calls(shell, also)),
    };
    let of_missed = match responses.answered {
        0 => "nobody was called or written to within a day".to_owned(),
        answered => format!("half sooner; {} within a day", percent(share(answered, responses.missed))),
    };
    let response = responses.median_minutes.map_or_else(|| show::NOTHING.to_owned(), minutes);
    vec![
        figure(
            "Calls",
            show::count(calls),
            format!("{} in, {} out", show::count(inbound), show::count(outbound)),
            Some(&[]),
        ),
        figure(
            "Missed",
            show::count(missed),
            format!("{} of inbound", percent(share(*missed, *inbound))),
            Some(&[("missed", "1")]),
        ),
        figure(
            "Answer rate",
            percent(share(*answered, *calls)),
            format!("{} answered", show::count(answered)),
            Some(&[("answered", "1")]),
        ),
        figure("Response to missed calls", response, of_missed, Some(&[("missed", "1")])),
        figure(
            "Converted",
            show::count(converted),
            format!("{} of calls", percent(share(*converted, *calls))),
            Some(&[("converted", "1")]),
        ),
        figure(
            "Sentiment",
            percent(share(*positive, positive + neutral + negative)),
            format!("positive; {} negative", percent(share(*negative, positive + neutral + negative))),
            Some(&[("sentiment", "positive")]),
        ),
        figure("Cost", costs(total), "as platforms charge it".to_owned(), Some(&[])),
        figure("Talk", show::seconds(talk_ms / 1000), String::new(), Some(&[])),
    ]
}
