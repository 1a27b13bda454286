//! What people decide about leads: columns of their own, which no event writes.

use sqlx::PgPool;
use uuid::Uuid;

use crate::access::Scope;
use crate::domain::LeadStage;
use crate::redact::{Email, PersonName};
use crate::store::forgotten;
use crate::store::operator_log::{Action, Line};

/// A name or an address is a line, a tag is a word.
const TEXT_CHARS_MAX: usize = 300;
/// Tags of one lead.
const TAGS_MAX: usize = 50;

/// What is to be set; the outer `None`: it stays, the inner one: what is derived counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeadEdit {
    /// Their name.
    pub name: Option<Option<PersonName>>,
    /// Their e-mail address.
    pub email: Option<Option<Email>>,
    /// How far they are.
    pub stage: Option<Option<LeadStage>>,
    /// Whether they are never to be written to.
    pub do_not_contact: Option<Option<bool>>,
    /// All of their tags.
    pub tags: Option<Vec<String>>,
}

impl LeadEdit {
    /// Whether it can be set; else why not.
    pub fn check(&self) -> Result<(), &'static str> {
        let name = self.name.as_ref().and_then(Option::as_ref).map(PersonName::expose);
        let email = self.email.as_ref().and_then(Option::as_ref).map(Email::expose);
        let tags = self.tags.iter().flatten().map(String::as_str);
        let fits = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control)
        };
        if !name.into_iter().chain(email).chain(tags).all(fits)
            || self.tags.as_ref().is_some_and(|tags| tags.len() > TAGS_MAX)
        {
            return Err("a text is a line of 1 to 300 characters, and there are 50 tags at most");
        }
        if email.is_some_and(|email| !email.contains('@')) {
            return Err("email is no address");
        }
        Ok(())
    }
}

/// Sets it. False: there is no such lead, or it is not theirs; one that was erased is not there either.
pub async fn edit(pool: &PgPool, scope: &Scope, id: Uuid, edit: &LeadEdit) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    forgotten::hold_off_erasure(&mut transaction).await?;
    let LeadEdit { name, email, stage, do_not_contact, tags } = edit;
    let tenant_id = sqlx::query_file_scalar!(
        "sql/people/edit_lead.sql",
        id,
        scope.tenant_id(),
        name.is_some(),
        name.as_ref().and_then(Option::as_ref).map(PersonName::expose),
        email.is_some(),
        email.as_ref().and_then(Option::as_ref).map(Email::expose),
        stage.is_some(),
        stage.flatten().map(|stage| stage.as_str()),
        do_not_contact.is_some(),
        do_not_contact.flatten(),
        tags.is_some(),
        tags.as_deref(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if tenant_id.is_some() {
        // Which fields, never what: the log is kept longer than the person may want. A stage and whether to write are our
        // own words, and say nothing of anybody.
        let fields = [
            ("name", name.is_some()),
            ("email", email.is_some()),
            ("stage", stage.is_some()),
            ("do_not_contact", do_not_contact.is_some()),
            ("tags", tags.is_some()),
        ];
        let fields: Vec<&str> = fields.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect();
        let mut line = Line::of(scope, Action::EditLead).tenant(tenant_id).with("lead_id", id).with("fields", fields);
        if let Some(stage) = stage {
            line = line.with("stage", stage.map(LeadStage::as_str));
        }
        if let Some(value) = do_not_contact {
            line = line.with("do_not_contact", *value);
        }
        line.write(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(tenant_id.is_some())
}
