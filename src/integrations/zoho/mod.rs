//! Zoho CRM, behind [`Crm`]. Facts: zoho/crm-oas v8.0 (2025-06-27), zoho.com/crm/developer/docs/api/v8, Zoho's post
//! "Kaizen #203", zohocrm-nodejs-sdk-8.0 2.0.0, and captures of third parties where the code says so.
//!
//! A caller is looked for among leads, then among contacts, by the number as E.164 and as it is dialled at home. A card
//! for a record that is known changes that record by its id (Update Records). Any other card is upserted among leads,
//! by the number: for that, Phone must be a unique field of Leads in the tenant's CRM ("do not allow duplicate
//! values"), or Zoho refuses `duplicate_check_fields`. `record.rs` says which field is what.

mod error;
mod record;
#[cfg(test)]
mod tests;
mod token;
#[cfg(test)]
mod token_tests;

pub use token::{MemoryTokens, Refresh, Token, TokenStore, TokenStoreError};

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::crm::{CARDS_MAX, Contact, Crm, CrmError, LeadCard, Module, Record, Upserted};
use super::{Answer, Transport, TransportError};
use crate::domain::LeadStage;
use crate::redact::{Phone, Secret};
use record::Numbers;
use token::Tokens;

/// `[integrations.zoho]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The accounts server of the data centre that the tenant's account is in: `.com`, `.eu`, `.in`, ….
    pub accounts_url: String,
    /// The API; empty: what the accounts server says.
    pub api_url: String,
    /// Of the self client, or server-based application, in Zoho's API console. Empty: not configured.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Made once, with the scopes ZohoCRM.modules.ALL and ZohoSearch.securesearch.READ.
    pub refresh_token: Secret,
}

/// One account of Zoho CRM.
#[derive(Debug)]
pub struct Client {
    api_url: String,
    tokens: Tokens,
    transport: Transport,
}

impl Settings {
    /// Whether everything is there that a token is made of.
    pub fn is_configured(&self) -> bool {
        ![self.accounts_url.as_str(), &self.client_id, self.client_secret.expose(), self.refresh_token.expose()]
            .contains(&"")
    }
}

impl Client {
    /// A client for this account. Processes that share `store` share one access token: Zoho gives out ten in ten
    /// minutes.
    pub fn new(settings: &Settings, transport: Transport, store: Arc<dyn TokenStore>) -> Self {
        let tokens = Tokens::new(settings, transport.clone(), store);
        Self { api_url: settings.api_url.trim_end_matches('/').to_owned(), tokens, transport }
    }

    async fn search(
        &self,
        phone: &Phone,
        linked: Option<&Record>,
        now: DateTime<Utc>,
    ) -> Result<Option<Contact>, CrmError> {
        let numbers = Numbers::of(phone);
        let is_contact = linked.is_some_and(|linked| linked.module == Module::Contact);
        let modules = if is_contact { [Module::Contact, Module::Lead] } else { [Module::Lead, Module::Contact] };
        for module in modules {
            for form in numbers.search_forms() {
                let path = format!("{}/search", record::module_name(module));
                let answer = self.call(Method::GET, &path, &[("phone", form)], None, now).await?;
                // 204: nobody.
                if answer.status == 204 {
                    continue;
                }
                let page = success(&answer, false, now)?;
                let records = page["data"].as_array().ok_or(CrmError::Unreadable { changes: false })?;
                if let Some(contact) = record::pick(records, module, &numbers, linked) {
                    return Ok(Some(contact));
                }
            }
        }
        Ok(None)
    }

    async fn upsert_all(
        &self,
        cards: &[LeadCard],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Upserted, CrmError>>, CrmError> {
        if cards.len() > CARDS_MAX {
            return Err(CrmError::TooMany);
        }
        let mut results: Vec<Option<Result<Upserted, CrmError>>> = vec![None; cards.len()];
        let (mut failure, mut came_through) = (None, cards.is_empty());
        for target in [None, Some(Module::Lead), Some(Module::Contact)] {
            let (mut places, mut records) = (Vec::new(), Vec::new());
            for (place, card) in cards.iter().enumerate().filter(|(_, card)| card.module() == target) {
                match (record::of_card(card), &card.known) {
                    (Some(record), _) => {
                        places.push(place);
                        records.push(record);
                    }
                    (None, Some(known)) => {
                        results[place] = Some(Ok(Upserted { id: known.id.clone(), created: false }));
                    }
                    (None, None) => {}
                }
            }
            if records.is_empty() {
                continue;
            }
            match self.write(target, records, now).await {
                Ok(written) => {
                    came_through = true;
                    places.iter().zip(written).for_each(|(place, result)| results[*place] = Some(result));
                }
                Err(error) => {
                    places.iter().for_each(|place| results[*place] = Some(Err(error.clone())));
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if !came_through => Err(error),
            _ => Ok(results.into_iter().flatten().collect()),
        }
    }

    /// `known`: where the records are known to be, by their ids; `None`: upserts them among leads.
    async fn write(
        &self,
        known: Option<Module>,
        records: Vec<Value>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Upserted, CrmError>>, CrmError> {
        let count = records.len();
        let (method, path, body) = match known {
            Some(module) => (
                Method::PUT,
                record::module_name(module).to_owned(),
                json!({ "data": records, "trigger": ["workflow"] }),
            ),
            None => {
                let body = json!({ "data": records, "duplicate_check_fields": ["Phone"], "trigger": ["workflow"] });
                (Method::POST, "Leads/upsert".to_owned(), body)
            }
        };
        let answer = self.call(method, &path, &[], Some(&body), now).await?;
        // What became of each record is in here, errors too, whatever the status of the whole.
        let answered: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match answered["data"].as_array() {
            Some(data) if data.len() == count => Ok(data.iter().map(error::of_record).collect()),
            _ => Err(success(&answer, true, now).err().unwrap_or(CrmError::Unreadable { changes: true })),
        }
    }

    /// One request; once more, with a new token, if Zoho does not know the one that we have.
    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        now: DateTime<Utc>,
    ) -> Result<Answer, CrmError> {
        let changes = body.is_some();
        let token = self.tokens.current(now).await?;
        let answer = self.call_with(&token, method.clone(), path, query, body, changes).await?;
        if !error::is_invalid_token(&answer) {
            return Ok(answer);
        }
        let token = self.tokens.instead_of(&token, now).await?;
        let answer = self.call_with(&token, method, path, query, body, changes).await?;
        if error::is_invalid_token(&answer) {
            self.tokens.forget(&token).await;
        }
        Ok(answer)
    }

    async fn call_with(
        &self,
        token: &Token,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        changes: bool,
    ) -> Result<Answer, CrmError> {
        let api_url = if self.api_url.is_empty() { token.api_domain.trim_end_matches('/') } else { &self.api_url };
        let text = format!("{api_url}/crm/v8/{path}");
        // The query is encoded as a form, so the plus of a number becomes %2B, which Zoho asks for.
        let url = if query.is_empty() { Url::parse(&text) } else { Url::parse_with_params(&text, query) };
        let url = url.map_err(|_| CrmError::NoAnswer { cause: TransportError::NotMade, changes })?;
        let authorization = format!("Zoho-oauthtoken {}", token.access_token.expose());
        let mut request = self.transport.client().request(method, url).header("Authorization", authorization);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.transport.send(request).await.map_err(|cause| CrmError::NoAnswer { cause, changes })
    }
}

impl Crm for Client {
    fn find_by_phone<'a>(
        &'a self,
        phone: &'a Phone,
        linked: Option<&'a Record>,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Option<Contact>, CrmError>> {
        self.search(phone, linked, now).boxed()
    }

    fn upsert<'a>(
        &'a self,
        cards: &'a [LeadCard],
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Vec<Result<Upserted, CrmError>>, CrmError>> {
        self.upsert_all(cards, now).boxed()
    }

    fn word_of_stage(&self, stage: LeadStage) -> Option<&'static str> {
        record::lead_status(stage)
    }

    fn stage_of_word(&self, word: &str) -> Option<LeadStage> {
        LeadStage::ALL.iter().copied().find(|stage| record::lead_status(*stage) == Some(word))
    }
}

/// The body of an answer that is a success.
fn success(answer: &Answer, changes: bool, now: DateTime<Utc>) -> Result<Value, CrmError> {
    match answer.status {
        200..=299 => serde_json::from_slice(&answer.body).map_err(|_| CrmError::Unreadable { changes }),
        _ => Err(error::of_answer(answer, now)),
    }
}
