//! What people decide about one call: whether it was a success, whose campaign it was, what they note of it.

use actix_web::HttpResponse;
use actix_web::web::Path;
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::shell::see_other;
use super::super::visit::Visit;
use crate::console::{Console, Entry};
use crate::store::people::{self, CallEdit, Noted};

/// Whether it was a success: 1, 0, or nobody has decided. Undoing names what was `set`, and leaves what was decided since.
pub(in crate::dashboard) async fn conversion(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let converted = decided(visit.form.get("converted").unwrap_or_default())?;
    let was_set = visit.form.get("set").map(decided).transpose()?;
    let edit = CallEdit { converted: Some(converted), if_converted: was_set, ..CallEdit::default() };
    let is_set = people::edit_call(visit.pool(), visit.scope(), *id, edit).await?;
    let back = visit.form.without(&["csrf", "converted", "set"]);
    let back = match (is_set, was_set) {
        (true, None) => back.with("said", Some("converted")).with("set", visit.form.get("converted")),
        (true, Some(_)) => back.with("said", Some("undone")),
        // Or it is not theirs, as the page will say.
        (false, Some(_)) => back.with("said", Some("anew")),
        (false, None) => return Err(Fault::NotFound),
    };
    Ok(see_other(&format!("/calls/{id}{}", back.query())))
}

/// Whose campaign it was, whatever was derived.
pub(in crate::dashboard) async fn campaign(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let campaign_id = read_campaign(&visit.entry, &visit.console, visit.form.get("to")).await?;
    set(&visit.entry, &visit.console, *id, CallEdit { campaign_id: Some(campaign_id), ..CallEdit::default() }).await?;
    let back = visit.form.without(&["csrf", "to"]).with("said", Some("campaign"));
    Ok(see_other(&format!("/calls/{id}{}", back.query())))
}

/// A note, with who wrote it.
pub(in crate::dashboard) async fn note(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let text = visit.form.get("note").ok_or_else(|| Fault::unfit("The note is empty."))?;
    people::check_note(text).map_err(|why| Fault::unfit(format!("Not kept: {why}.")))?;
    match people::add_call_note(visit.pool(), visit.scope(), *id, text).await? {
        Noted::Kept(_) => {}
        Noted::Nobodys => return Err(Fault::unfit("A note is kept with its person, and this call has no number.")),
        Noted::NotFound => return Err(Fault::NotFound),
    }
    let back = visit.form.without(&["csrf", "note"]).with("said", Some("noted"));
    Ok(see_other(&format!("/calls/{id}{}", back.query())))
}

/// The campaign that a form names, if it is theirs; `none`: nobody has decided.
pub(in crate::dashboard) async fn read_campaign(
    entry: &Entry,
    console: &Console,
    text: Option<&str>,
) -> Result<Option<Uuid>, Fault> {
    let text = text.ok_or_else(|| Fault::unfit("Choose a campaign."))?;
    if text == "none" {
        return Ok(None);
    }
    let id = text.parse().map_err(|_| Fault::unfit("campaign is the id of a campaign."))?;
    match people::has_campaign(console.pool(), &entry.scope, id).await? {
        true => Ok(Some(id)),
        false => Err(Fault::unfit("There is no such campaign, or it is not yours.")),
    }
}

fn decided(word: &str) -> Result<Option<bool>, Fault> {
    match word {
        "1" => Ok(Some(true)),
        "0" => Ok(Some(false)),
        "none" => Ok(None),
        _ => Err(Fault::unfit("converted is 1, 0 or none.")),
    }
}

async fn set(entry: &Entry, console: &Console, id: Uuid, edit: CallEdit) -> Result<(), Fault> {
    let is_set = people::edit_call(console.pool(), &entry.scope, id, edit).await?;
    if is_set { Ok(()) } else { Err(Fault::NotFound) }
}
