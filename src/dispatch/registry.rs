//! The registry: a table of contents of everything that is handled.

use std::collections::BTreeMap;

use super::{Function, Handler, InTransaction, Pure, Run, Writing};

/// Event types by platform, each with its one handler.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    handlers: BTreeMap<String, BTreeMap<String, Handler>>,
    functions: BTreeMap<String, Function>,
    refused: Vec<RegistryError>,
}

/// Why a registry cannot be used. Found at boot, so that no event meets the wrong handler.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RegistryError {
    /// Two handlers for one event type.
    #[error("{provider}/{event_type} is registered twice: an event type has one handler")]
    Duplicate {
        /// The platform.
        provider: String,
        /// The event type.
        event_type: String,
    },
    /// Two functions of one name.
    #[error("the function {0} is registered twice: a function has one name")]
    DuplicateFunction(String),
    /// The name in the configuration is no name of an SQL function.
    #[error("{0} is not the name of an SQL function: write schema.function, letters, digits and underscores only")]
    FunctionName(String),
    /// The key in the configuration does not name an event type.
    #[error("{0} does not name an event type: write provider/event_type")]
    Key(String),
}

impl Registry {
    /// No handler at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The event types of one platform, to be registered one after another.
    pub fn provider(&mut self, provider: &'static str) -> Routes<'_> {
        Routes { registry: self, provider }
    }

    /// Registers an SQL function for `provider/event_type`, as `[handlers]` of the configuration names it.
    pub fn sql_function(&mut self, key: &str, function: &str) {
        match key.split_once('/') {
            Some((provider, event_type)) if !provider.is_empty() && !event_type.is_empty() => {
                if is_function_name(function) {
                    self.insert(provider, event_type, Handler::SqlFunction(function.to_owned()));
                } else {
                    self.refused.push(RegistryError::FunctionName(function.to_owned()));
                }
            }
            _ => self.refused.push(RegistryError::Key(key.to_owned())),
        }
    }

    /// Adds a function that voice agents may call.
    pub fn function(&mut self, function: Function) -> &mut Self {
        if self.functions.contains_key(&function.name) {
            self.refused.push(RegistryError::DuplicateFunction(function.name));
        } else {
            self.functions.insert(function.name.clone(), function);
        }
        self
    }

    /// Adds an SQL function that voice agents may call by this name, as `[functions]` of the configuration has it. It
    /// may write.
    pub fn callable_sql_function(&mut self, name: &str, sql_function: &str) {
        if !is_function_name(sql_function) {
            return self.refused.push(RegistryError::FunctionName(sql_function.to_owned()));
        }
        self.function(Function {
            name: name.to_owned(),
            description: format!("The function {name} of this installation"),
            parameters: Vec::new(),
            writes: Some(Writing::Other),
            run: Run::Sql(sql_function.to_owned()),
        });
    }

    /// The functions, in the order of their names.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values()
    }

    /// The function of this name.
    pub fn find_function(&self, name: &str) -> Option<&Function> {
        self.functions.get(name)
    }

    /// The registry, or the first reason why it is none.
    pub fn build(self) -> Result<Self, RegistryError> {
        match self.refused.first() {
            Some(error) => Err(error.clone()),
            None => Ok(self),
        }
    }

    /// The handler of an event type.
    pub fn find(&self, provider: &str, event_type: &str) -> Option<&Handler> {
        self.handlers.get(provider)?.get(event_type)
    }

    /// Every route, in order: platform, event type, handler.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &str, &Handler)> {
        self.handlers.iter().flat_map(|(provider, routes)| {
            routes.iter().map(move |(event_type, handler)| (provider.as_str(), event_type.as_str(), handler))
        })
    }

    fn insert(&mut self, provider: &str, event_type: &str, handler: Handler) {
        let routes = self.handlers.entry(provider.to_owned()).or_default();
        if routes.contains_key(event_type) {
            self.refused
                .push(RegistryError::Duplicate { provider: provider.to_owned(), event_type: event_type.to_owned() });
        } else {
            routes.insert(event_type.to_owned(), handler);
        }
    }
}

/// The event types of one platform.
#[derive(Debug)]
pub struct Routes<'a> {
    registry: &'a mut Registry,
    provider: &'static str,
}

impl Routes<'_> {
    /// A pure function for an event type.
    pub fn on(&mut self, event_type: &str, handler: Pure) -> &mut Self {
        self.registry.insert(self.provider, event_type, Handler::Pure(handler));
        self
    }

    /// One pure function for several event types.
    pub fn on_each(&mut self, event_types: &[&str], handler: Pure) -> &mut Self {
        for event_type in event_types {
            self.on(event_type, handler);
        }
        self
    }

    /// An async function with the open transaction.
    pub fn on_transaction(&mut self, event_type: &str, handler: InTransaction) -> &mut Self {
        self.registry.insert(self.provider, event_type, Handler::InTransaction(handler));
        self
    }

    /// Nothing, on purpose.
    pub fn ignore(&mut self, event_type: &str, reason: &'static str) -> &mut Self {
        self.registry.insert(self.provider, event_type, Handler::Ignore(reason));
        self
    }
}

fn is_function_name(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && part.len() <= 63
    };
    text.split('.').count() <= 2 && text.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Changes;

    #[test]
    fn a_second_handler_is_refused_at_boot() {
        let mut registry = Registry::new();
        registry.provider("retell").on("call_ended", |_| Ok(Changes::default())).ignore("call_ended", "twice");
        let error = registry.build().unwrap_err();
        assert_eq!(error.to_string(), "retell/call_ended is registered twice: an event type has one handler");
    }

    #[test]
    fn only_names_of_functions_reach_the_sql() {
        for (name, good) in
            [("on_sms", true), ("crm.on_sms", true), ("a.b.c", false), ("f(); drop", false), ("", false)]
        {
            assert_eq!(is_function_name(name), good, "{name}");
        }
    }
}
