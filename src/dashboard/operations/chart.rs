//! Pictures of the queue, drawn here: bars with a line over them.

use chrono_tz::Tz;

use crate::dashboard::show;
use crate::inbox::pulse::Beat;

/// The picture's size; a browser scales it.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 170.0;
/// Room for the numbers at the left and the times below.
const LEFT: f64 = 44.0;
const BELOW: f64 = 18.0;
const ABOVE: f64 = 12.0;

/// A bar, and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) said: String,
}

/// A mark at an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) at: String,
    pub(super) said: String,
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chart {
    /// What it says, for who does not see it.
    pub(super) label: String,
    pub(super) bars: Vec<Bar>,
    /// The points of the lines; a gap where nothing is known.
    pub(super) lines: Vec<String>,
    pub(super) levels: Vec<Mark>,
    pub(super) times: Vec<Mark>,
}

/// One span in a picture: a bar, a point of the line, and what is said.
struct Span {
    bar: Option<f64>,
    point: Option<f64>,
    said: String,
}

/// How long events waited: bars for the longest, the line for half of them.
pub(super) fn lag(beats: &[Beat], zone: Tz) -> Chart {
    let longest = beats.iter().filter_map(|beat| beat.max_seconds).fold(0.0, f64::max);
    let spans = beats.iter().map(|beat| Span {
        bar: beat.max_seconds,
        point: beat.p50_seconds,
        said: match beat.max_seconds {
            Some(longest) => format!(
                "{}: half waited less than {}, the longest {}",
                show::clock(&beat.begins_at, zone),
                seconds(beat.p50_seconds.unwrap_or_default()),
                seconds(longest)
            ),
            None => format!("{}: nothing came", show::clock(&beat.begins_at, zone)),
        },
    });
    let label = format!("How long events waited, over time; the longest {}", seconds(longest));
    draw(label, spans.collect(), beats, zone, seconds)
}

/// What came, as bars, and what was settled, as the line.
pub(super) fn flow(beats: &[Beat], zone: Tz) -> Chart {
    let (came, went) = beats.iter().fold((0, 0), |(came, went), beat| (came + beat.received, went + beat.settled));
    let spans = beats.iter().map(|beat| Span {
        bar: Some(beat.received as f64),
        point: Some(beat.settled as f64),
        said: format!(
            "{}: {} came, {} settled",
            show::clock(&beat.begins_at, zone),
            show::count(&beat.received),
            show::count(&beat.settled)
        ),
    });
    let label = format!("Events over time: {} came, {} were settled", show::count(&came), show::count(&went));
    draw(label, spans.collect(), beats, zone, |value| show::count(&(value.round() as i64)))
}

/// Seconds, finely where they are few.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        ..0.0005 => "0 ms".to_owned(),
        ..1.0 => format!("{:.0} ms", seconds * 1000.0),
        ..10.0 => format!("{seconds:.1} s"),
        _ => show::seconds(seconds.round() as i64),
    }
}

fn draw(label: String, spans: Vec<Span>, beats: &[Beat], zone: Tz, write: impl Fn(f64) -> String) -> Chart {
    let top = spans.iter().flat_map(|span| [span.bar, span.point]).flatten().fold(0.0, f64::max);
    let top = if top > 0.0 { top } else { 1.0 };
    let each = (WIDTH - LEFT) / (spans.len().max(1) as f64);
    let (floor, height) = (HEIGHT - BELOW, HEIGHT - BELOW - ABOVE);
    let y = |value: f64| floor - height * (value / top).clamp(0.0, 1.0);
    let x = |place: usize| LEFT + each * place as f64;
    let bars = spans.iter().enumerate().filter_map(|(place, span)| {
        let value = span.bar?;
        Some(Bar {
            x: number(x(place)),
            y: number(y(value)),
            width: number((each - 1.0).max(0.5)),
            height: number(floor - y(value)),
            said: span.said.clone(),
        })
    });
    let mut lines: Vec<Vec<String>> = vec![Vec::new()];
    for (place, span) in spans.iter().enumerate() {
        match (span.point, lines.last_mut()) {
            (Some(value), Some(line)) => line.push(format!("{},{}", number(x(place) + each / 2.0), number(y(value)))),
            _ => lines.push(Vec::new()),
        }
    }
    let every = (beats.len() / 6).max(1);
    Chart {
        label,
        bars: bars.collect(),
        lines: lines.into_iter().filter(|line| !line.is_empty()).map(|line| line.join(" ")).collect(),
        levels: [0.0, 0.5, 1.0].map(|part| Mark { at: number(y(top * part)), said: write(top * part) }).into(),
        times: beats
            .iter()
            .enumerate()
            .filter(|(place, _)| place % every == 0)
            .map(|(place, beat)| Mark { at: number(x(place)), said: show::clock(&beat.begins_at, zone) })
            .collect(),
    }
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_picture_is_as_high_as_its_highest_and_breaks_where_nothing_is_known() {
        let beats: Vec<Beat> = (0..4)
            .map(|n| Beat {
                begins_at: chrono::DateTime::UNIX_EPOCH + TimeDelta::minutes(n),
                received: n,
                settled: 1,
                p50_seconds: (n != 1).then_some(0.5),
                max_seconds: (n != 1).then_some(2.0),
                looked_since: None,
            })
            .collect();
        let flow = flow(&beats, Tz::UTC);
        assert_eq!(
            flow.bars.iter().map(|bar| bar.height.as_str()).collect::<Vec<_>>(),
            ["0.0", "46.7", "93.3", "140.0"]
        );
        assert!(flow.label.contains("6 came, 4 were settled"), "{}", flow.label);
        let lag = lag(&beats, Tz::UTC);
        assert_eq!((lag.bars.len(), lag.lines.len()), (3, 2));
        assert_eq!([0.0, 0.25, 2.0, 125.0].map(seconds), ["0 ms", "250 ms", "2.0 s", "2 min"]);
    }
}
