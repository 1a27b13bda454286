//! What is printed: each figure with its raw counterpart, their ratio and the target.

use std::io::Write;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use super::cpu::Cpu;

/// What is wished for: of the ratio where there is a raw counterpart, else of the figure.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This much or more; and the moonshot.
    AtLeast(f64, f64),
    /// This much or less; and the moonshot.
    AtMost(f64, f64),
    /// Nothing: for the record.
    None,
}

/// A figure of several runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figure {
    pub runs: Vec<f64>,
    pub cpu: Vec<Cpu>,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    pub what: String,
    pub unit: &'static str,
    pub ours: Figure,
    pub raw: Option<Figure>,
    pub target: Target,
    pub note: String,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    pub facts: Vec<(String, String)>,
    pub lines: Vec<Line>,
}

impl Figure {
    /// One more run.
    pub fn add(&mut self, value: f64, cpu: Cpu) {
        self.runs.push(value);
        self.cpu.push(cpu);
    }

    /// A figure that needs no processor beside it.
    pub fn of(runs: Vec<f64>) -> Self {
        Self { runs, cpu: Vec::new() }
    }

    /// The middle run.
    pub fn median(&self) -> f64 {
        median(&self.runs)
    }
}

impl Line {
    /// A figure, its unit and its target.
    pub fn new(what: impl Into<String>, unit: &'static str, ours: Figure, target: Target) -> Self {
        Self { what: what.into(), unit, ours, raw: None, target, note: String::new() }
    }

    /// With the raw counterpart, run for run.
    pub fn against(self, raw: &Figure) -> Self {
        Self { raw: Some(raw.clone()), ..self }
    }

    /// With a remark.
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// The median of the runs' own ratios: what disturbs one half of a pair mostly disturbs the other.
    fn ratio(&self) -> Option<f64> {
        let raw = self.raw.as_ref()?;
        let ratios: Vec<f64> = self.ours.runs.iter().zip(&raw.runs).map(|(ours, raw)| ours / raw).collect();
        Some(median(&ratios))
    }

    fn reached(&self) -> &'static str {
        let judged = self.ratio().unwrap_or_else(|| self.ours.median());
        let (good, best) = match self.target {
            Target::AtLeast(good, best) => (judged >= good, judged >= best),
            Target::AtMost(good, best) => (judged <= good, judged <= best),
            Target::None => return "",
        };
        match (good, best) {
            (_, true) => "yes, and the moonshot",
            (true, false) => "yes",
            (false, false) => "NO",
        }
    }

    fn cells(&self) -> Vec<String> {
        let target = match self.target {
            Target::AtLeast(good, best) => format!("≥ {} ({})", short(good), short(best)),
            Target::AtMost(good, best) => format!("≤ {} ({})", short(good), short(best)),
            Target::None => String::new(),
        };
        vec![
            self.what.clone(),
            format!("{} {}", shown(&self.ours), self.unit),
            self.raw.as_ref().map(shown).unwrap_or_default(),
            self.ratio().map(short).unwrap_or_default(),
            target,
            self.reached().to_owned(),
            [Some(&self.ours), self.raw.as_ref()]
                .into_iter()
                .flatten()
                .filter(|figure| !figure.cpu.is_empty())
                .map(|figure| Cpu::mean(&figure.cpu).to_string())
                .collect::<Vec<_>>()
                .join(" | "),
        ]
    }
}

impl Report {
    /// Nothing is measured yet.
    pub fn new(facts: Vec<(String, String)>) -> Self {
        Self { facts, lines: Vec::new() }
    }

    /// One more line.
    pub fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// The runs of a line that is there already.
    pub fn runs_of(&self, what: &str) -> &[f64] {
        self.lines.iter().find(|line| line.what == what).map_or(&[], |line| &line.ours.runs)
    }

    /// Prints it.
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if json {
            serde_json::to_writer_pretty(&mut out, self)?;
            return Ok(writeln!(out)?);
        }
        let facts: Vec<String> = self.facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
        writeln!(out, "\n{}\n", facts.join(", "))?;
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header([
            "what",
            "median (least – most)",
            "raw, same run",
            "ratio",
            "target (moonshot)",
            "reached",
            "cpu % user/system/idle/steal, ours | raw",
        ]);
        for line in &self.lines {
            table.add_row(line.cells());
        }
        writeln!(out, "{table}\n")?;
        for line in self.lines.iter().filter(|line| !line.note.is_empty()) {
            writeln!(out, "{}: {}", line.what, line.note)?;
        }
        Ok(())
    }
}

fn shown(figure: &Figure) -> String {
    let (least, most) =
        figure.runs.iter().fold((f64::MAX, f64::MIN), |(least, most), run| (least.min(*run), most.max(*run)));
    match figure.runs.len() {
        0 => "n/a".to_owned(),
        1 => short(figure.median()),
        _ => format!("{} ({} – {})", short(figure.median()), short(least), short(most)),
    }
}

/// Three digits, or all of a larger whole.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

fn median(runs: &[f64]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}
