//! Bolna. Facts: the docs pages "Get All Voice AI Agent Executions API" (`GET /v2/agent/{agent_id}/executions` with
//! `page_number`, `page_size` of 50 at most, `from` and `to`, both required and at most seven days apart, going by
//! `created_at`; `{data, has_more}`) and "Rate Limiting" (500 requests a minute; 429), and bolna-ai/skills
//! `references/openapi.yml` (`GET /v2/agent/all`; the key is a bearer token). There is no list over all agents, so the
//! agents are listed first.
//!
//! An execution is the body of the webhook itself ("GET /executions/{id} has the same body"). Low confidence: whether
//! `/v2/agent/all` lists every agent at once; it documents no pages.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::ask::Caller;
use super::{Error, Listing, Window};

/// Executions asked for at once: the most that the API allows.
const PAGE_EXECUTIONS: &str = "50";
/// The longest window that the API allows is seven days.
const WINDOW_MAX: TimeDelta = TimeDelta::days(7);

/// The executions of all agents of an account.
pub(super) struct Executions {
    caller: Caller,
    window: Window,
    /// What is still to be asked, the next last; `None`: the agents are not known yet.
    tasks: Option<Vec<Task>>,
}

/// One agent, one window, one page.
#[derive(Clone)]
struct Task {
    agent_id: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    page: u32,
}

impl Executions {
    pub(super) fn new(caller: Caller, window: Window) -> Self {
        Self { caller, window, tasks: None }
    }

    async fn page(&mut self) -> Result<Option<Vec<Value>>, Error> {
        let mut tasks = match self.tasks.take() {
            Some(tasks) => tasks,
            None => self.all_tasks().await?,
        };
        let Some(task) = tasks.pop() else {
            self.tasks = Some(tasks);
            return Ok(None);
        };
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let (page, from, to) = (task.page.to_string(), time(task.from), time(task.to));
        let arguments = [("page_number", page.as_str()), ("page_size", PAGE_EXECUTIONS), ("from", &from), ("to", &to)];
        let mut answer = self.get(&["v2", "agent", &task.agent_id, "executions"], &arguments).await?;
        let items = self.caller.list(&mut answer, &["data", "items", "executions"])?;
        if answer["has_more"].as_bool() == Some(true) && !items.is_empty() {
            tasks.push(Task { page: task.page.saturating_add(1), ..task });
        }
        self.tasks = Some(tasks);
        Ok(Some(items))
    }

    /// Every agent with every window, the first last.
    async fn all_tasks(&self) -> Result<Vec<Task>, Error> {
        let mut answer = self.get(&["v2", "agent", "all"], &[]).await?;
        let agents = self.caller.list(&mut answer, &["data", "agents"])?;
        let mut tasks = Vec::new();
        for agent in agents {
            let Some(agent_id) = agent["id"].as_str().or_else(|| agent["agent_id"].as_str()) else { continue };
            let mut from = self.window.since;
            while from < self.window.until {
                let to = from.checked_add_signed(WINDOW_MAX).map_or(self.window.until, |to| to.min(self.window.until));
                tasks.push(Task { agent_id: agent_id.to_owned(), from, to, page: 1 });
                from = to;
            }
        }
        tasks.reverse();
        Ok(tasks)
    }

    async fn get(&self, path: &[&str], arguments: &[(&str, &str)]) -> Result<Value, Error> {
        let url = self.caller.url(path, arguments)?;
        self.caller.ask(|| self.caller.client().get(url.clone()).bearer_auth(self.caller.api_key.expose())).await
    }
}

impl Listing for Executions {
    fn next_page(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>, Error>> {
        self.page().boxed()
    }
}
