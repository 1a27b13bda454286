//! A route with the right that it needs, and the list of them: servers, documents and tests go by the same one.

use actix_web::http::Method;

use crate::access::Right;

/// A route.
#[derive(Clone, Debug)]
pub struct Route {
    /// GET, POST, PATCH, DELETE.
    pub method: Method,
    /// Its path, with places in braces.
    pub path: &'static str,
    /// What it needs; `None`: it is for who has nothing yet.
    pub right: Option<Right>,
    /// Whether a standby may answer it (`database.read_url`): it shows what is there, and nothing is decided by it.
    pub reads: bool,
}

/// What puts up a route of each word. `read` is a `get` that a standby may answer.
pub(crate) mod word {
    pub(crate) use actix_web::web::{delete, get, get as read, patch, post};
}

/// The method of this word.
pub(crate) fn method(word: &str) -> Method {
    match word {
        "post" => Method::POST,
        "patch" => Method::PATCH,
        "delete" => Method::DELETE,
        _ => Method::GET,
    }
}

/// Writes down the routes of a room: `ROUTES`, and `register`, which puts them up within `$prefix`.
macro_rules! routes {
    ($prefix:literal; $($method:ident $path:literal $right:expr => $handler:path;)*) => {
        /// Every route of this room.
        pub static ROUTES: std::sync::LazyLock<Vec<$crate::console::Route>> = std::sync::LazyLock::new(|| vec![
            $($crate::console::Route {
                method: $crate::console::route::method(stringify!($method)),
                path: concat!($prefix, $path),
                right: $right,
                reads: stringify!($method) == "read",
            },)*
        ]);

        /// Puts them up.
        pub(super) fn register(config: &mut actix_web::web::ServiceConfig) {
            config$(.route($path, $crate::console::route::word::$method().to($handler)))*;
        }
    };
}

pub(crate) use routes;
