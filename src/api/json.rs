//! JSON in and out. A body is an object: serde would also take a list of its fields' values, which no document says.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::web;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, Responder};
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A body or an answer. It bears the name by which `utoipa` knows bodies.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T> Json<T> {
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = web::Json::<Object<T>>::from_request(request, payload);
        body.map(|read| read.map(|web::Json(Object(value))| Self(value))).boxed_local()
    }
}

impl<T: Serialize> Responder for Json<T> {
    type Body = <web::Json<T> as Responder>::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<Self::Body> {
        web::Json(self.0).respond_to(request)
    }
}

struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        count: Option<u8>,
    }

    #[test]
    fn a_body_is_an_object_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Object<Body>>(text).map(|body| body.0.count).ok();
        assert_eq!(read(r#"{ "count": 3 }"#), Some(Some(3)));
        assert_eq!(read("{}"), Some(None));
        assert!(serde_json::from_str::<Body>("[null]").is_ok(), "serde takes it by itself");
        assert_eq!(["[null]", "null", "3", r#"{ "other": 1 }"#].map(read), [None; 4]);
    }
}
