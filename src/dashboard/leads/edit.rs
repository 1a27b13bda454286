//! What people decide about a lead. A form sends what stood in it beside what stands in it now: only what somebody
//! changed is set, so that two who save at once do not undo each other.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::params::Params;
use super::super::shell::see_other;
use super::super::visit::Visit;
use crate::console::{Console, Entry};
use crate::domain::LeadStage;
use crate::redact::{Email, PersonName};
use crate::store::people::{self, LeadEdit};

/// Name, e-mail address, stage and tags.
pub(in crate::dashboard) async fn edit(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let edit = read(&visit.form)?;
    if edit == LeadEdit::default() {
        return Ok(back(&visit.request, *id, "same"));
    }
    set(&visit.entry, &visit.console, *id, &edit).await?;
    Ok(back(&visit.request, *id, "saved"))
}

/// Whether they are never to be written to: on, off, auto.
pub(in crate::dashboard) async fn do_not_contact(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let choice = match visit.form.get("choice") {
        Some("on") => Some(true),
        Some("off") => Some(false),
        Some("auto") => None,
        _ => return Err(Fault::unfit("Choose whether they may be written to.")),
    };
    set(&visit.entry, &visit.console, *id, &LeadEdit { do_not_contact: Some(choice), ..LeadEdit::default() }).await?;
    Ok(back(&visit.request, *id, "contact"))
}

fn read(form: &Params) -> Result<LeadEdit, Fault> {
    // An empty field gives way to what was derived.
    let changed = |name: &str, was: &str| Some(form.owned(name)).filter(|now| now.as_deref() != form.get(was));
    let stage = match changed("stage", "was_stage") {
        Some(Some(word)) => {
            let stage = LeadStage::ALL.iter().copied().find(|stage| stage.as_str() == word);
            Some(Some(stage.ok_or_else(|| Fault::unfit("There is no such stage."))?))
        }
        changed => changed.map(|_| None),
    };
    let tags = changed("tags", "was_tags").map(|text| tags(&text.unwrap_or_default()));
    let edit = LeadEdit {
        name: changed("name", "was_name").map(|name| name.map(PersonName::new)),
        email: changed("email", "was_email").map(|email| email.map(Email::new)),
        stage,
        do_not_contact: None,
        tags,
    };
    edit.check().map_err(|why| Fault::unfit(format!("Not saved: {why}.")))?;
    Ok(edit)
}

/// Tags between commas, each once.
fn tags(text: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

async fn set(entry: &Entry, console: &Console, id: Uuid, edit: &LeadEdit) -> Result<(), Fault> {
    let is_set = people::edit_lead(console.pool(), &entry.scope, id, edit).await?;
    if is_set { Ok(()) } else { Err(Fault::NotFound) }
}

fn back(request: &HttpRequest, id: Uuid, said: &str) -> HttpResponse {
    see_other(&format!("/leads/{id}{}", Params::of(request).with("said", Some(said)).query()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(form: &str) -> LeadEdit {
        read(&Params::read(form.as_bytes())).unwrap()
    }

    #[test]
    fn only_what_was_changed_is_set() {
        assert_eq!(
            of("name=Dana&was_name=Dana&email=&was_email=&stage=won&was_stage=won&tags=a&was_tags=a"),
            LeadEdit::default()
        );
        let edit =
            of("name=&was_name=Dana&email=dana%40example.com&was_email=&stage=lost&was_stage=&tags=b,+a,b&was_tags=a");
        assert_eq!(edit.name, Some(None));
        assert_eq!(edit.email, Some(Some(Email::new("dana@example.com"))));
        assert_eq!(edit.stage, Some(Some(LeadStage::Lost)));
        assert_eq!(edit.tags, Some(vec!["b".to_owned(), "a".to_owned()]));
        assert_eq!(of("stage=&was_stage=won").stage, Some(None));
        assert_eq!(of("tags=&was_tags=a").tags, Some(Vec::new()));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for form in ["stage=rich", "email=nobody", "name=a%0ab", &format!("tags={}", "x".repeat(301))] {
            assert!(read(&Params::read(form.as_bytes())).is_err(), "{form}");
        }
    }
}
