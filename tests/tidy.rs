//! House rules are tests: what a reviewer would repeat stands here once.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the house must fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms by floor; imports point down.
const FLOORS: &[(&str, u8)] = &[
    ("cli", 8),
    ("config", 8),
    ("http", 7),
    ("api", 7),
    ("dashboard", 7),
    ("processor", 7),
    ("reconcile", 7),
    ("admin", 6),
    ("jobs", 5),
    ("live", 5),
    ("providers", 5),
    ("console", 5),
    ("integrations", 4),
    ("dispatch", 4),
    ("retention", 4),
    ("spool", 4),
    ("store", 3),
    ("inbox", 3),
    ("outbox", 3),
    ("queue", 2),
    ("access", 2),
    ("domain", 1),
    ("clock", 0),
    ("crypto", 0),
    ("db", 0),
    ("duration_text", 0),
    ("urls", 0),
    ("embedded_postgres", 0),
    ("nearest", 0),
    ("redact", 0),
    ("telemetry", 0),
];
/// The longest file that one can still see whole.
const MAX_LINES: usize = 400;
/// Names under which everything and nothing lives.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helpers", "types", "manager", "service", "misc"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no {ending} under {folder}");
    found
}

fn source() -> Vec<(String, String)> {
    ["src", "tests", "benches", "examples"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .map(|path| (shown(&path), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (path, text) in source() {
        let Some(inside) = path.strip_prefix("src/") else { continue };
        let room = inside.split(['/', '.']).next().unwrap();
        let Some(here) = floor(room) else {
            assert!(["lib", "main"].contains(&room), "{path}: a room that is on no floor");
            continue;
        };
        // Tests may build upon everything.
        let code = text.split("#[cfg(test)]").next().unwrap();
        if path.ends_with("/tests.rs") || path.ends_with("/testing.rs") {
            continue;
        }
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for after in line.split("crate::").skip(1) {
                let names: Vec<&str> = match after.strip_prefix('{') {
                    Some(list) => list.trim_end_matches([';', '}']).split(',').map(str::trim).collect(),
                    None => vec![after],
                };
                for name in names {
                    let other = name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                    match floor(other) {
                        // The ground floor is one room with several doors, and so is the top.
                        Some(there) if other != room && there >= here && ![0, 8].contains(&here) => {
                            wrong.push(format!(
                                "{path}:{}: {room} (floor {here}) uses {other} (floor {there})",
                                number + 1
                            ));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_short_and_says_what_it_is() {
    let mut wrong = Vec::new();
    for (path, text) in source() {
        if text.lines().count() > MAX_LINES {
            wrong.push(format!("{path}: {} lines", text.lines().count()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{path}: no module documentation"));
        }
        let stem = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
        if EMPTY_NAMES.contains(&stem.as_str()) {
            wrong.push(format!("{path}: a name that says nothing"));
        }
        if text.contains(concat!("#[", "allow(")) || text.contains(concat!("#![", "allow(")) {
            wrong.push(format!("{path}: use #[expect(lint, reason = …)]"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_statement_is_a_file_with_a_header_and_is_used() {
    let code: String = source().into_iter().map(|(_, text)| text).collect();
    for path in files("sql", ".sql") {
        let path_shown = shown(&path);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-- "), "{path_shown}: no header that says what and why");
        let is_run_by_name = path_shown.starts_with("sql/ops/") || path_shown.starts_with("sql/invariants/");
        assert!(is_run_by_name || code.contains(&path_shown), "{path_shown}: nobody runs it");
    }
}

/// Statements that write.
fn writes(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap();
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join(" ");
    ["insert into ", "update ", "delete from "].iter().any(|word| code.contains(word))
}

/// The functions of a file that run a statement that writes, and write no line of the operator log themselves.
fn silent_writers(text: &str, statements: &[String]) -> Vec<String> {
    let silent = |part: &&str| {
        statements.iter().any(|statement| part.contains(statement))
            && !part.contains("Line::")
            && !part.contains(".line")
    };
    let functions = text.split("fn ").skip(1).filter(silent);
    let name = |part: &str| part.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned();
    functions.map(name).collect()
}

#[test]
fn the_command_line_writes_only_through_functions_that_leave_a_line() {
    let statements: Vec<String> =
        files("sql", ".sql").iter().filter(|path| writes(path)).map(|path| shown(path)).collect();
    let sources = source();
    let mut writers = BTreeSet::new();
    for (path, text) in sources.iter().filter(|(path, _)| path.starts_with("src/") && !path.starts_with("src/cli/")) {
        let path = Path::new(path);
        let folder = path.parent().unwrap();
        let named = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
        let module = if named(path) == "mod" { named(folder) } else { named(path) };
        let silent = silent_writers(text, &statements);
        // A folder gives its files' functions on, by these names or others.
        let index = sources.iter().find(|(index, _)| Path::new(index) == folder.join("mod.rs"));
        let given_on = |name: &str| {
            let (_, index) = index?;
            let list = index.split(&format!("use {module}::")).nth(1)?.split(';').next()?;
            let items = list.split([',', '{', '}']).map(str::trim);
            let named: Vec<&str> = items.filter(|item| item.split(' ').next() == Some(name)).collect();
            named.first().map(|item| item.rsplit(' ').next().unwrap().to_owned())
        };
        for name in silent {
            writers.extend(given_on(&name).map(|given| format!("{}::{given}(", named(folder))));
            writers.insert(format!("{module}::{name}("));
        }
    }
    assert!(writers.contains("numbers::add(") && writers.contains("billing::add_credit("), "{writers:?}");
    // Those of the demonstration write to a database of their own.
    let elsewhere = ["src/cli/story/"];
    let commands = sources.iter().filter(|(path, _)| path.starts_with("src/cli/"));
    let commands = commands.filter(|(path, _)| !elsewhere.iter().any(|start| path.starts_with(start)));
    let mut wrong = Vec::new();
    for (path, text) in commands.filter(|(_, text)| !text.contains("Line::of(")) {
        let is_called =
            |writer: &&String| text.match_indices(writer.as_str()).any(|(at, _)| !text[..at].ends_with([':', '_']));
        wrong.extend(writers.iter().filter(is_called).map(|writer| format!("{path}: {writer}…) leaves no line")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_column_that_events_write_says_how_it_merges() {
    let migration: String = files("migrations", ".sql").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let words =
        ["key", "greatest", "least", "ranked", "hand", "derived", "when the row", "written once", "bookkeeping"];
    for table in ["calls", "leads", "recordings", "messages"] {
        let body = migration.split(&format!("create table {table} (")).nth(1).unwrap();
        let body = body.split("\n)").next().unwrap();
        let columns = body.lines().map(str::trim).filter_map(|line| line.split_whitespace().next());
        let alteration = format!("alter table {table}");
        let altered = migration.split(&alteration).skip(1).flat_map(|rest| {
            let statement = rest.split(';').next().unwrap();
            statement.split("add column ").skip(1).filter_map(|rest| rest.split_whitespace().next())
        });
        for column in columns.chain(altered) {
            if ["unique", "check", "primary"].iter().any(|word| column.starts_with(word)) {
                continue;
            }
            let start = format!("comment on column {table}.{column} is '");
            let comment = migration.split(&start).nth(1).unwrap_or_default();
            assert!(
                words.iter().any(|word| comment.starts_with(word)),
                "{table}.{column}: no merge rule in its comment"
            );
        }
    }
}

/// The last migration of the last release; nothing is released yet. Those after it only add (CONTRIBUTING.md).
const LAST_RELEASED: Option<&str> = None;

/// Statements by which processes of the release before would fail, or a big table would be written anew.
fn not_only_adding(sql: &str) -> Vec<&str> {
    let is_forbidden = |line: &str| {
        let alters_type = line.contains("alter column") && (line.contains(" type ") || line.contains("set not null"));
        let takes_away = ["drop table", "drop column", "drop view", "drop function", "drop type", " rename "];
        !line.trim_start().starts_with("--") && (alters_type || takes_away.iter().any(|words| line.contains(words)))
    };
    sql.lines().filter(|line| is_forbidden(&line.to_lowercase())).collect()
}

#[test]
fn migrations_after_the_last_release_only_add() {
    for wrong in [
        "drop table calls;",
        "alter table calls rename column summary to gist;",
        "alter table calls alter column cost type numeric;",
        "    alter column kind set not null,",
    ] {
        assert_eq!(not_only_adding(wrong), [wrong]);
    }
    assert_eq!(not_only_adding("-- drop table calls\nalter table calls add column tomorrow text;"), [""; 0]);
    let Some(last) = LAST_RELEASED else { return };
    for path in files("migrations", ".sql").into_iter().filter(|path| shown(path).as_str() > last) {
        let text = fs::read_to_string(&path).unwrap();
        let found = not_only_adding(&text);
        assert!(found.is_empty(), "{}: expand, then contract: {found:#?}", shown(&path));
    }
}

#[test]
fn no_snapshot_is_left_over() {
    let wanted: BTreeSet<String> = files("tests/fixtures", "")
        .iter()
        .map(|path| {
            let provider = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            format!("{provider}__{}.snap", path.file_name().unwrap().to_string_lossy().replace('.', "_"))
        })
        .collect();
    let found: BTreeSet<String> = files("tests/suite/snapshots", "")
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn the_documents_name_no_file_that_is_not_there() {
    let mut documents = files("docs", ".md");
    documents.extend(
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"]
            .map(|name| root().join(name)),
    );
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for name in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "sql/", "tests/", "examples/", "migrations/", "benches/", "docs/"]
                .iter()
                .any(|start| name.starts_with(start));
            if is_path && !name.contains(['*', '<', '{', ' ']) {
                let path = name.split(':').next().unwrap();
                assert!(root().join(path).exists(), "{} names {name}", shown(&document));
            }
        }
    }
}

/// ASVS 5.0.0: each section, and the last number in it that belongs to level 1 or 2; those of level 3 come after.
const ASVS_SECTIONS: &str = "\
    1.1 2, 1.2 9, 1.3 11, 1.4 3, 1.5 2, 2.1 3, 2.2 3, 2.3 4, 2.4 1, 3.2 2, 3.3 4, 3.4 6, 3.5 5, \
    3.7 2, 4.1 3, 4.2 1, 4.3 2, 4.4 4, 5.1 1, 5.2 3, 5.3 2, 5.4 3, 6.1 3, 6.2 12, 6.3 4, 6.4 4, \
    6.5 5, 6.6 3, 6.8 4, 7.1 3, 7.2 4, 7.3 2, 7.4 5, 7.5 2, 7.6 2, 8.1 2, 8.2 3, 8.3 1, 8.4 1, \
    9.1 3, 9.2 4, 10.1 2, 10.2 2, 10.3 4, 10.4 11, 10.5 5, 10.6 2, 10.7 3, 11.1 2, 11.2 3, 11.3 3, \
    11.4 4, 11.5 1, 11.6 1, 12.1 3, 12.2 2, 12.3 4, 13.1 1, 13.2 5, 13.3 2, 13.4 5, 14.1 2, 14.2 4, \
    14.3 3, 15.1 3, 15.2 3, 15.3 7, 16.1 1, 16.2 5, 16.3 4, 16.4 3, 16.5 3, 17.1 1, 17.2 4, 17.3 2";

#[test]
fn every_requirement_of_asvs_at_level_2_has_its_answer() {
    let wanted: Vec<String> = ASVS_SECTIONS
        .split(", ")
        .flat_map(|entry| {
            let (section, last) = entry.trim().split_once(' ').unwrap();
            (1..=last.parse::<u8>().unwrap()).map(move |number| format!("{section}.{number}"))
        })
        .collect();
    assert_eq!(wanted.len(), 253, "the standard's own count at levels 1 and 2");
    let page = fs::read_to_string(root().join("docs/security/asvs.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(|first: char| first.is_ascii_digit()))
        .map(|line| line.trim_matches('|').splitn(3, '|').map(str::trim).collect())
        .collect();
    let found: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(found, wanted);
    for row in rows {
        assert!(["met", "n/a", "deploy", "not met"].contains(&row[1]), "{}: {}", row[0], row[1]);
        assert!(!row[2].is_empty(), "{}: how, or why not?", row[0]);
    }
}
