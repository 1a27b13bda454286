//! `/overview`: calls in numbers and pictures, each of which leads to its calls.

use actix_web::web::{Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::fault::Fault;
use super::numbers::{Bucket, Chart, Figure, Heat, Range, costs, fill, heat, percent, pictures, share};
use super::shell::{Shell, page};
use super::show;
use crate::console::{Console, Entry};
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
    shell: Shell,
}

/// The page.
pub(super) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, "/overview", "Overview").await?;
    let range = Range::read(&shell)?;
    let window = range.window()?;
    let complete = people::refresh_overview(console.pool(), shell.within(), window).await?;
    let mut transaction = console.begin().await?;
    let by = By { step: Step::Hour, time_zone: shell.zone.name(), campaign_id: None };
    let overview = people::overview(&mut transaction, shell.within(), window, by).await?;
    transaction.commit().await?;
    let buckets = fill(&range, shell.zone, &overview.steps);
    let missed_by_hour = shell.params.get("hours") == Some("missed");
    page(&Page {
        choices: range.choices(&shell),
        figures: figures(&shell, &range, &overview),
        charts: pictures(&shell, &buckets, &overview.total, &[]),
        heat: heat(&shell, &range, &overview.steps, missed_by_hour),
        missed_by_hour,
        buckets,
        complete,
        is_empty: overview.total.calls == 0,
        range,
        shell,
    })
}

impl Page {
    fn calls(&self, bucket: &Bucket) -> String {
        bucket.calls(&self.shell, &[])
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
            Some(&[]),
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
            Some(&[]),
        ),
        figure("Cost", costs(total), "as platforms charge it".to_owned(), Some(&[])),
        figure("Talk", show::seconds(talk_ms / 1000), String::new(), Some(&[])),
    ]
}

/// Minutes, roughly.
fn minutes(minutes: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a day has 86,400 seconds")]
    let seconds = (minutes * 60.0).round() as i64;
    show::seconds(seconds)
}
