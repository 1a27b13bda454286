//! From the answers of our analyses (src/jobs/prompts/*.schema.json) to changes.

use serde_json::{Map, Value};

use crate::domain::{Analysis, AnalysisReport, Changes, LeadStage, Sentiment, Weight};
use crate::inbox::Event;
use crate::providers::{Notes, Reader};
use crate::queue::Failure;
use crate::redact::{Email, Hidden};

/// The longest list that is kept of an answer: a strict schema cannot bound it.
const LIST_MAX: usize = 10;

/// The individual analysis of a call.
pub(super) fn call_analyzed(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let root = Reader::new(&json, &notes);
    let call = root.object("call");
    let analysis = root.object("analysis");
    let provider = call.text("provider").ok_or_else(|| Failure::dead("call.provider is missing"))?;
    let call_id = call.text("provider_call_id").ok_or_else(|| Failure::dead("call.provider_call_id is missing"))?;
    let score = analysis.number("lead_score").map(|score| score.clamp(0.0, 100.0));
    let outcome = analysis.text("outcome");
    // The score from which a lead is worth a call is a setting: it was asked for when the call was analysed.
    let is_qualified = root.number("qualified_score").zip(score).is_some_and(|(least, score)| score >= least);
    let report = AnalysisReport {
        call: Some((provider, call_id)),
        phone: root.phone("phone"),
        source: root.text("source").unwrap_or_else(|| "openai".to_owned()),
        name: analysis.name("name").map(|name| (Weight::WHOLE, name)),
        email: analysis.text("email").map(|email| (Weight::WHOLE, Email::new(email))),
        profile: json.pointer("/analysis/behaviour").filter(|scores| scores.is_object()).cloned().map(Hidden::new),
        stage: is_qualified.then_some(LeadStage::Qualified),
        analysis: Analysis {
            summary: analysis.spoken("summary"),
            sentiment: analysis.text("sentiment").map(|word| sentiment(&word)),
            successful: outcome.map(|word| ["sale", "appointment"].contains(&word.as_str())),
            score,
            data: json.get("analysis").map(|data| Hidden::new(bounded(data))),
        },
    };
    Ok(Changes::at(event.occurred_at).analysis(report).notes(notes.into_vec()))
}

/// The complete analysis of a person.
pub(super) fn lead_analyzed(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let root = Reader::new(&json, &notes);
    let analysis = root.object("analysis");
    let phone = root.phone("phone").ok_or_else(|| Failure::dead("phone is missing"))?;
    // What was counted counts, not what the model says of it.
    let mut data = json.get("analysis").map(bounded).unwrap_or_default();
    if let (Value::Object(data), Some(Value::Object(counted))) = (&mut data, json.get("counted")) {
        data.extend(counted.clone());
    }
    let report = AnalysisReport {
        call: None,
        phone: Some(phone),
        source: root.text("source").unwrap_or_else(|| "openai".to_owned()),
        name: None,
        email: None,
        profile: None,
        stage: None,
        analysis: Analysis {
            summary: analysis.spoken("summary"),
            sentiment: analysis.text("overall_sentiment").map(|word| sentiment(&word)),
            successful: None,
            score: root.object("counted").number("average_score"),
            data: Some(Hidden::new(data)),
        },
    };
    Ok(Changes::at(event.occurred_at).analysis(report).notes(notes.into_vec()))
}

/// The column knows no mixed feelings; the data keep the word.
fn sentiment(word: &str) -> Sentiment {
    match word {
        "positive" => Sentiment::Positive,
        "negative" => Sentiment::Negative,
        "neutral" | "mixed" => Sentiment::Neutral,
        _ => Sentiment::Unknown,
    }
}

/// The answer with its lists and scores inside their bounds.
fn bounded(value: &Value) -> Value {
    match value {
        Value::Array(list) => Value::Array(list.iter().take(LIST_MAX).map(bounded).collect()),
        Value::Object(object) => {
            let bounded: Map<String, Value> = object.iter().map(|(key, value)| (key.clone(), bounded(value))).collect();
            Value::Object(bounded)
        }
        other => other.clone(),
    }
}
