//! The commands that the manual, the pages and the messages tell people to run are ones that there are.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::Cli;

/// Where people read of commands.
const TEXTS: [&str; 6] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "config.toml", "examples", "src"];
/// What stands for a name or an id that people know: it is taken for both.
const NAME: &str = "retell";
const ID: &str = "00000000-0000-0000-0000-000000000000";

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    let is_text = |name: &std::ffi::OsStr| ["rs", "html", "md", "toml"].iter().any(|known| name == *known);
    if path.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| files(&entry.unwrap().path(), found));
    } else if path.extension().is_some_and(is_text) {
        found.push(path.to_owned());
    }
}

/// The commands of a text, and whether each is written to be run as it stands.
fn commands(text: &str, is_source: bool) -> Vec<(String, bool)> {
    let known: Vec<String> = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let mut commands = Vec::new();
    for (at, name) in text.match_indices("switchhook ") {
        let before = text[..at].chars().next_back().unwrap_or('\n');
        let rest = &text[at + name.len()..];
        let end = match before {
            '`' => rest.find('`'),
            '>' => rest.find('<'),
            // Within another command, as a shell puts it in.
            '(' => rest.find(')'),
            _ if is_source => rest.find(['"', '\n']),
            _ => rest.find(['`', '\n']),
        };
        let line = rest[..end.unwrap_or(rest.len())].split(" #").next().unwrap_or_default();
        let first = line.split_whitespace().next().unwrap_or_default();
        if ['`', '>'].contains(&before) || known.iter().any(|command| command == first) {
            commands.push((line.to_owned(), !is_source && before != '`'));
        }
    }
    commands
}

/// The words of a command, as a shell splits them; what is filled in is filled in.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote, mut depth) = (vec![String::new()], None, 0_u32);
    for letter in line.trim().chars() {
        let last = words.len() - 1;
        match letter {
            '{' if depth == 0 => {
                words[last].push_str(NAME);
                depth = 1;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth > 0 => {}
            '…' => words[last].push_str(ID),
            letter if quote == Some(letter) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            letter if letter.is_whitespace() && quote.is_none() => {
                if !words[last].is_empty() {
                    words.push(String::new());
                }
            }
            letter => words[last].push(letter),
        }
    }
    let is_letter = |word: &str| word.len() == 1 && word.chars().all(char::is_uppercase);
    let is_id = |place: usize| place > 0 && words[place - 1] == "--id" || is_letter(&words[place]);
    (0..words.len()).map(|place| if is_id(place) { ID.to_owned() } else { words[place].clone() }).collect()
}

#[test]
fn every_command_that_people_are_told_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    TEXTS.iter().for_each(|text| files(&root.join(text), &mut found));
    let (mut told, mut wrong) = (0, Vec::new());
    for file in found.iter().filter(|file| !file.ends_with("src/cli/tests.rs")) {
        let is_source = file.extension().is_some_and(|name| name == "rs");
        let text = std::fs::read_to_string(file).unwrap();
        let text: String =
            text.split("\\\n").enumerate().map(|(n, part)| if n == 0 { part } else { part.trim_start() }).collect();
        for (line, is_whole) in commands(&text, is_source) {
            told += 1;
            let Err(error) = Cli::try_parse_from([vec!["switchhook".to_owned()], words(&line)].concat()) else {
                continue;
            };
            // In a sentence it is enough that there is such a command.
            let is_named = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            if is_whole || !is_named {
                wrong.push(format!("{}: switchhook {line}: {error}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told > 80, "only {told} commands");
}
