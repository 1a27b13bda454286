//! Rows for spreadsheets (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe, as
//! OWASP's page on CSV injection says; telephone numbers begin with a plus, so they do, too.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};

/// What a formula begins with.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Rows on their way.
#[derive(Debug, Default)]
pub(super) struct Csv(Vec<u8>);

impl Csv {
    /// The names of the columns; with a mark by which Excel knows UTF-8, if one asks for it.
    pub(super) fn head(&mut self, columns: &[&str], has_mark: bool) {
        if has_mark {
            self.0.extend_from_slice("\u{feff}".as_bytes());
        }
        self.row(columns);
    }

    /// A row.
    pub(super) fn row<C: AsRef<str>>(&mut self, cells: &[C]) {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut self.0);
        // Writing to memory does not fail.
        writer.write_record(cells.iter().map(|cell| safe(cell.as_ref()))).ok();
        writer.flush().ok();
    }

    /// What was written.
    pub(super) fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

/// An answer that is kept as a file of this name.
pub(super) fn download(name: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    response
}

fn safe(cell: &str) -> String {
    // A NUL ends a cell early in some programs.
    let cell = cell.replace('\0', "\u{fffd}");
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_every_cell_comes_back() {
        let mut csv = Csv::default();
        csv.head(&["a", "b"], true);
        csv.row(&["=1+1", "say \"hi\",\nthen go"]);
        csv.row(&["+15550100123", "plain"]);
        csv.row(&["-1", "@sum"]);
        let text = String::from_utf8(csv.into_bytes().to_vec()).unwrap();
        assert_eq!(text, "\u{feff}a,b\r\n'=1+1,\"say \"\"hi\"\",\nthen go\"\r\n'+15550100123,plain\r\n'-1,'@sum\r\n");
    }
}
