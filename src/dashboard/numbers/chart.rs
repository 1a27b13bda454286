//! Bars and lines, laid out here and drawn by `chart.html`. Every bar and every dot leads to the calls behind it.

/// The drawing's width and height, and the room around it for what stands at the axes.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 24.0;
/// Words below a picture at most: more run into each other.
const TICKS_MAX: usize = 9;

/// A picture.
#[derive(Debug)]
pub(in crate::dashboard) struct Chart {
    pub(in crate::dashboard) title: String,
    /// Class and name of each kind of bar.
    pub(in crate::dashboard) legend: Vec<(&'static str, &'static str)>,
    /// Where lines across are, and what stands at them.
    pub(in crate::dashboard) lines: Vec<(String, String)>,
    /// Where words below are, and which.
    pub(in crate::dashboard) ticks: Vec<(String, String)>,
    pub(in crate::dashboard) parts: Vec<Shape>,
    /// The points of a line.
    pub(in crate::dashboard) runs: Vec<String>,
    pub(in crate::dashboard) dots: Vec<Shape>,
}

/// Something that is drawn, and leads somewhere.
#[derive(Debug)]
pub(in crate::dashboard) struct Shape {
    pub(in crate::dashboard) class: &'static str,
    pub(in crate::dashboard) x: String,
    pub(in crate::dashboard) y: String,
    pub(in crate::dashboard) width: String,
    pub(in crate::dashboard) height: String,
    pub(in crate::dashboard) href: String,
    pub(in crate::dashboard) title: String,
}

/// A bar, from the bottom up.
#[derive(Debug)]
pub(in crate::dashboard) struct Column {
    pub(in crate::dashboard) tick: String,
    pub(in crate::dashboard) parts: Vec<Part>,
}

/// A part of a bar.
#[derive(Debug)]
pub(in crate::dashboard) struct Part {
    pub(in crate::dashboard) class: &'static str,
    pub(in crate::dashboard) value: f64,
    pub(in crate::dashboard) href: String,
    pub(in crate::dashboard) title: String,
}

/// A point of a line.
#[derive(Debug)]
pub(in crate::dashboard) struct Dot {
    pub(in crate::dashboard) tick: String,
    /// `None`: there is nothing to say of this time, and the line has a gap.
    pub(in crate::dashboard) value: Option<f64>,
    pub(in crate::dashboard) href: String,
    pub(in crate::dashboard) title: String,
}

impl Chart {
    fn new(title: &str, legend: &[(&'static str, &'static str)], top: f64, write: fn(f64) -> String) -> Self {
        let lines = [0.0, top / 2.0, top].map(|value| (number(y(value, top)), write(value))).to_vec();
        let legend = legend.to_vec();
        Self { title: title.to_owned(), legend, lines, ticks: vec![], parts: vec![], runs: vec![], dots: vec![] }
    }
}

/// Bars. `None`: all of them are nothing.
pub(in crate::dashboard) fn bars(
    title: &str,
    legend: &[(&'static str, &'static str)],
    columns: Vec<Column>,
    write: fn(f64) -> String,
) -> Option<Chart> {
    let sums = columns.iter().map(|column| column.parts.iter().map(|part| part.value).sum::<f64>());
    let most = sums.fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let top = rounded_up(most);
    let mut chart = Chart::new(title, legend, top, write);
    chart.ticks = ticks(columns.iter().map(|column| column.tick.as_str()));
    let step = (WIDTH - LEFT - RIGHT) / float(columns.len());
    let gap = (step * 0.25).min(6.0);
    for (index, column) in columns.into_iter().enumerate() {
        let mut below = 0.0;
        for part in column.parts.into_iter().filter(|part| part.value > 0.0) {
            let (low, high) = (y(below, top), y(below + part.value, top));
            below += part.value;
            chart.parts.push(Shape {
                class: part.class,
                x: number(LEFT + step * float(index) + gap / 2.0),
                y: number(high),
                width: number(step - gap),
                // A sliver is seen, too.
                height: number((low - high).max(1.0)),
                href: part.href,
                title: part.title,
            });
        }
    }
    Some(chart)
}

/// A line, up to a value. `None`: there is nothing to say of any time.
pub(in crate::dashboard) fn line(title: &str, dots: Vec<Dot>, top: f64, write: fn(f64) -> String) -> Option<Chart> {
    if dots.iter().all(|dot| dot.value.is_none()) {
        return None;
    }
    let mut chart = Chart::new(title, &[], top, write);
    chart.ticks = ticks(dots.iter().map(|dot| dot.tick.as_str()));
    let step = (WIDTH - LEFT - RIGHT) / float(dots.len());
    let mut run: Vec<String> = Vec::new();
    for (index, dot) in dots.into_iter().enumerate() {
        let Some(value) = dot.value else {
            chart.runs.push(run.join(" "));
            run.clear();
            continue;
        };
        let (x, y) = (number(LEFT + step * (float(index) + 0.5)), number(y(value, top)));
        run.push(format!("{x},{y}"));
        let (width, height) = (String::new(), String::new());
        chart.dots.push(Shape { class: "a", x, y, width, height, href: dot.href, title: dot.title });
    }
    chart.runs.push(run.join(" "));
    chart.runs.retain(|run| run.contains(' '));
    Some(chart)
}

fn ticks<'a>(words: impl ExactSizeIterator<Item = &'a str>) -> Vec<(String, String)> {
    let count = words.len();
    let step = (WIDTH - LEFT - RIGHT) / float(count);
    let every = count.div_ceil(TICKS_MAX).max(1);
    let words = words.enumerate().filter(|(index, _)| index % every == 0);
    words.map(|(index, word)| (number(LEFT + step * (float(index) + 0.5)), word.to_owned())).collect()
}

fn y(value: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top
}

/// The next number that one reads easily, and half of it too.
fn rounded_up(most: f64) -> f64 {
    let base = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    let top = steps.iter().map(|step| step * base).find(|top| *top >= most * 0.999_999).unwrap_or(most);
    // Half a call is none.
    if (0.999..1.001).contains(&top) { 2.0 } else { top }
}

pub(super) fn number(value: f64) -> String {
    format!("{value:.1}")
}

/// Columns are few enough for an exact float.
#[expect(clippy::cast_precision_loss, reason = "columns of a picture are few")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[f64]) -> Column {
        let part = |value: &f64| Part { class: "a", value: *value, href: String::new(), title: String::new() };
        Column { tick: "x".to_owned(), parts: values.iter().map(part).collect() }
    }

    #[test]
    fn bars_stand_on_each_other_below_a_round_number() {
        let chart = bars("t", &[], vec![column(&[3.0, 4.0]), column(&[0.0, 0.0])], |v| v.to_string()).unwrap();
        assert_eq!(chart.lines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["0", "4", "8"]);
        let [low, high] = &chart.parts[..] else { panic!("{chart:?}") };
        let read = |text: &String| text.parse::<f64>().unwrap();
        assert!((read(&low.y) - (read(&high.y) + read(&high.height))).abs() < 0.2);
        assert!((read(&low.y) + read(&low.height) - (HEIGHT - BOTTOM)).abs() < 0.2);
        assert!(bars("t", &[], vec![column(&[0.0])], |v| v.to_string()).is_none());
    }

    #[test]
    fn round_numbers_are_never_less() {
        for most in [0.02, 0.7, 1.0, 3.0, 9.0, 10.0, 11.0, 61.0, 99.0, 1_000.0, 8_001.0] {
            let top = rounded_up(most);
            assert!(top >= most && top <= most * 2.0, "{most} {top}");
        }
    }

    #[test]
    fn a_line_has_gaps_where_nothing_was() {
        let dot = |value| Dot { tick: String::new(), value, href: String::new(), title: String::new() };
        let chart = line("t", [Some(0.5), Some(1.0), None, Some(0.0)].map(dot).into(), 1.0, |v| v.to_string()).unwrap();
        assert_eq!((chart.runs.len(), chart.dots.len()), (1, 3));
        assert!(line("t", vec![dot(None)], 1.0, |v| v.to_string()).is_none());
    }
}
