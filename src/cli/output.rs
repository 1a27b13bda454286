//! What commands print: tables for people, JSON for scripts.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

/// One line under the header and none between rows, so that a screen holds many.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How a command prints.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// JSON instead of tables.
    pub json: bool,
}

impl Output {
    /// Prints a list: a table with these columns, or a JSON array of the items.
    pub fn list<T: Serialize>(
        self,
        columns: &[&str],
        items: &[T],
        row: impl Fn(&T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        if self.json {
            return self.json_value(&items);
        }
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(columns);
        for item in items {
            table.add_row(row(item));
        }
        self.line(&table.to_string())?;
        if items.is_empty() {
            self.line("(none)")?;
        }
        Ok(())
    }

    /// Prints one thing: as text, or as JSON.
    pub fn one<T: Serialize>(self, item: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        if self.json { self.json_value(item) } else { self.line(&text(item)) }
    }

    /// Prints a line for people; nothing with `--json`.
    pub fn say(self, text: &str) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { self.line(text) }
    }

    /// Asks for a yes on the terminal. Without one, or with `--json`, the answer is no and `--yes` is named.
    pub fn confirm(self, question: &str) -> anyhow::Result<bool> {
        if self.json || !std::io::stdin().is_terminal() {
            anyhow::bail!("{question} Nobody is here to ask: say --yes.");
        }
        let mut out = std::io::stdout().lock();
        write!(out, "{question} [y/N] ")?;
        out.flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    fn json_value<T: Serialize + ?Sized>(self, value: &T) -> anyhow::Result<()> {
        self.line(&serde_json::to_string_pretty(value)?)
    }

    fn line(self, text: &str) -> anyhow::Result<()> {
        match writeln!(std::io::stdout().lock(), "{text}") {
            // `| head` closes the pipe: that is no failure.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}
