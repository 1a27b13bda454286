//! A recording that is kept here, as it is asked for: whole, or in parts, as a player does.

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_RANGE, IF_RANGE, RANGE};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::Console;
use crate::access::Scope;
use crate::store::people::{self, Revealed};

/// Bytes that are read at once, and of one part at most: a player asks for the next one.
const PART_BYTES_MAX: i32 = 1024 * 1024;

impl Console {
    /// What is asked for of a call's recording. `None`: there is none, it is not theirs, or they may not listen.
    pub async fn sound(
        &self,
        request: &HttpRequest,
        scope: &Scope,
        call: Uuid,
        recording: Uuid,
    ) -> Result<Option<HttpResponse>, sqlx::Error> {
        let range = request.headers().get(RANGE).and_then(|value| value.to_str().ok());
        // No recording has a validator, so a condition upon one never holds: then it is the whole.
        let asked = range.filter(|_| !request.headers().contains_key(IF_RANGE)).and_then(Asked::read);
        let mut transaction = self.begin().await?;
        // Not a byte yet: how long it is.
        let found = people::sound(&mut transaction, scope, call, recording, 0, 0).await?;
        let Some((all, media_type)) = found.map(|part| (part.all_bytes, part.media_type)) else { return Ok(None) };
        // Only ever sound: what a platform called it is not believed further than that.
        let named = media_type.filter(|name| name.starts_with("audio/") && name.is_ascii());
        let named = named.unwrap_or_else(|| "audio/mpeg".to_owned());
        let Some(asked) = asked else {
            self.log_reveal(&mut transaction, scope, Revealed::Call(call), 1).await?;
            transaction.commit().await?;
            let whole = self.whole(*scope, (call, recording), all).boxed_local();
            let mut response = HttpResponse::Ok();
            response.insert_header((ACCEPT_RANGES, "bytes")).content_type(named);
            return Ok(Some(response.body(SizedStream::new(u64::from(all.unsigned_abs()), whole))));
        };
        let Some((first, length)) = asked.within(all) else {
            let mut response = HttpResponse::build(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(Some(response.insert_header((CONTENT_RANGE, format!("bytes */{all}"))).finish()));
        };
        let part = people::sound(&mut transaction, scope, call, recording, first, length).await?;
        self.log_reveal(&mut transaction, scope, Revealed::Call(call), usize::from(part.is_some())).await?;
        transaction.commit().await?;
        let Some(part) = part else { return Ok(None) };
        let mut response = HttpResponse::PartialContent();
        response.insert_header((ACCEPT_RANGES, "bytes")).content_type(named);
        response.insert_header((CONTENT_RANGE, format!("bytes {first}-{}/{all}", first + length - 1)));
        Ok(Some(response.body(part.bytes)))
    }

    /// All bytes, a part at a time, so that however many they are few are held.
    fn whole(
        &self,
        scope: Scope,
        (call, recording): (Uuid, Uuid),
        all_bytes: i32,
    ) -> impl stream::Stream<Item = Result<Bytes, sqlx::Error>> + 'static {
        let pool = self.pool.clone();
        let parts = stream::try_unfold(0, move |first: i32| {
            let pool = pool.clone();
            async move {
                if first >= all_bytes {
                    return Ok(None);
                }
                let mut connection = pool.acquire().await?;
                let part = people::sound(&mut connection, &scope, call, recording, first, PART_BYTES_MAX).await?;
                // It was erased meanwhile: the answer breaks off, and its length says so.
                let bytes = part.map(|part| part.bytes).filter(|bytes| !bytes.is_empty());
                let bytes = bytes.ok_or(sqlx::Error::RowNotFound)?;
                let next = first.saturating_add(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
                Ok(Some((Bytes::from(bytes), next)))
            }
        });
        parts.into_stream()
    }
}

/// The bytes that a player asks for (RFC 9110, 14.1.2).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    /// From this one, until that one or the end.
    From(u64, Option<u64>),
    /// So many at the end.
    Last(u64),
}

impl Asked {
    /// One range of bytes. `None`: it is none, or several, and is answered as if nothing had been asked for.
    fn read(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // One that is too long to be read is past every end.
            is_number.then(|| text.parse().unwrap_or(u64::MAX))
        };
        let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
        match (first, last) {
            ("", last) => number(last).map(Self::Last),
            (first, "") => number(first).map(|first| Self::From(first, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// The first byte and how many, of a recording of so many. `None`: it has none of them.
    fn within(self, all: i32) -> Option<(i32, i32)> {
        let bounded = |number: u64| i32::try_from(number).unwrap_or(i32::MAX).min(all);
        let (first, end) = match self {
            Self::From(first, last) => (bounded(first), last.map_or(all, |last| bounded(last.saturating_add(1)))),
            Self::Last(length) => (all - bounded(length), all),
        };
        (first < end).then_some((first, (end - first).min(PART_BYTES_MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_or_none() {
        assert_eq!(Asked::read("bytes=0-"), Some(Asked::From(0, None)));
        assert_eq!(Asked::read("bytes=10-19"), Some(Asked::From(10, Some(19))));
        assert_eq!(Asked::read("bytes=-5"), Some(Asked::Last(5)));
        assert_eq!(Asked::read("bytes=99999999999999999999-"), Some(Asked::From(u64::MAX, None)));
        for wrong in ["bytes=0-1,3-4", "0-", "bytes=a-", "bytes=-", "bytes=10-5", "bytes=+1-2", "bytes=--1", "words=0-"]
        {
            assert_eq!(Asked::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_range_ends_with_the_recording_and_with_the_longest_part() {
        let within = |text, all| Asked::read(text).unwrap().within(all);
        assert_eq!(within("bytes=10-19", 100), Some((10, 10)));
        assert_eq!(within("bytes=90-99999999999999999999", 100), Some((90, 10)));
        assert_eq!(within("bytes=-30", 100), Some((70, 30)));
        assert_eq!(within("bytes=-300", 100), Some((0, 100)));
        assert_eq!(within("bytes=0-", i32::MAX), Some((0, PART_BYTES_MAX)));
        for (none, all) in [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-1", 0)] {
            assert_eq!(within(none, all), None, "{none}");
        }
    }
}
