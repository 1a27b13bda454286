//! What was found out, as people read it: a JSON object as names and values, nothing of it left out but what is empty.

use serde_json::{Map, Value};

use super::super::show;

/// Deeper than this a value is shown as JSON.
const DEPTH_MAX: usize = 3;

/// A name, and its values.
#[derive(Debug, PartialEq)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// The facts of a value; without an object around it, it is one.
pub(super) fn facts(value: &Value) -> Vec<Fact> {
    let mut facts = Vec::new();
    match value {
        Value::Object(object) => collect(object, "", 1, &mut facts),
        other => add("Data", other, &mut facts),
    }
    facts
}

fn collect(object: &Map<String, Value>, around: &str, depth: usize, facts: &mut Vec<Fact>) {
    for (key, value) in object {
        let name = if around.is_empty() { show::words(key) } else { format!("{around}: {}", key.replace('_', " ")) };
        match value {
            Value::Object(object) if depth < DEPTH_MAX => collect(object, &name, depth + 1, facts),
            value => add(&name, value, facts),
        }
    }
}

fn add(name: &str, value: &Value, facts: &mut Vec<Fact>) {
    let values: Vec<String> = match value {
        Value::Array(items) => items.iter().map(text).collect(),
        value => vec![text(value)],
    };
    let values: Vec<String> = values.into_iter().filter(|text| !text.is_empty()).collect();
    if !values.is_empty() {
        facts.push(Fact { name: name.to_owned(), values });
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Object(object) => {
            let parts = object.iter().map(|(key, value)| (key.replace('_', " "), text(value)));
            let parts: Vec<String> =
                parts.filter(|(_, text)| !text.is_empty()).map(|(key, text)| format!("{key} {text}")).collect();
            parts.join(", ")
        }
        Value::Array(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Vec<(String, String)> {
        facts(value).into_iter().map(|fact| (fact.name, fact.values.join("; "))).collect()
    }

    #[test]
    fn an_answer_is_read_as_names_and_values() {
        let data = json!({
            "decision_factors": ["price", "time"], "complaint": { "kind": null, "words": "too late" }, "nothing": [],
            "certain": true, "offers": [{ "what": "roof", "price": 12 }],
        });
        let expected = [
            ("Decision factors", "price; time"),
            ("Complaint: words", "too late"),
            ("Certain", "Yes"),
            ("Offers", "price 12, what roof"),
        ];
        let mut expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let mut seen = read(&data);
        expected.sort();
        seen.sort();
        assert_eq!(seen, expected);
        assert_eq!(read(&json!("[hidden]")), [("Data".to_owned(), "[hidden]".to_owned())]);
        assert!(read(&json!({ "a": { "b": { "c": { "d": 1 } } } }))[0].1.contains("d 1"));
    }
}
