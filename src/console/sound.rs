//! A recording that is kept here, as it is asked for: whole, or in parts, as a player does.

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_RANGE, RANGE};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::Console;
use crate::access::Scope;
use crate::db;
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
        let range = request.headers().get(RANGE).and_then(|value| value.to_str().ok()).and_then(read_range);
        let (first, last) = range.unwrap_or((0, None));
        let length = last.map_or(PART_BYTES_MAX, |last| last.saturating_sub(first).saturating_add(1));
        let length = length.min(PART_BYTES_MAX);
        let mut transaction = self.begin().await?;
        let part = people::sound(&mut transaction, scope, call, recording, first, length).await?;
        people::log_reveal(&mut transaction, scope, Revealed::Call(call), usize::from(part.is_some())).await?;
        transaction.commit().await?;
        let Some(part) = part else { return Ok(None) };
        if first >= part.all_bytes {
            let mut response = HttpResponse::build(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(Some(response.insert_header((CONTENT_RANGE, format!("bytes */{}", part.all_bytes))).finish()));
        }
        let read = i32::try_from(part.bytes.len()).unwrap_or(i32::MAX);
        // Only ever sound: what a platform called it is not believed further than that.
        let named = part.media_type.filter(|name| name.starts_with("audio/") && name.is_ascii());
        let media_type = named.unwrap_or_else(|| "audio/mpeg".to_owned());
        let is_whole = read == part.all_bytes || range.is_none();
        let mut response = if is_whole { HttpResponse::Ok() } else { HttpResponse::PartialContent() };
        if !is_whole {
            let last = first + read - 1;
            response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{}", part.all_bytes)));
        }
        response.insert_header((ACCEPT_RANGES, "bytes")).content_type(media_type);
        let begun = Bytes::from(part.bytes);
        if range.is_some() || read == part.all_bytes {
            return Ok(Some(response.body(begun)));
        }
        let rest = self.rest(*scope, (call, recording), read, part.all_bytes);
        let all = stream::once(future::ready(Ok(begun))).chain(rest);
        let size = u64::from(part.all_bytes.unsigned_abs());
        Ok(Some(response.body(SizedStream::new(size, all.boxed_local()))))
    }

    /// The bytes after the first ones, a part at a time, so that however many they are few are held.
    fn rest(
        &self,
        scope: Scope,
        (call, recording): (Uuid, Uuid),
        first: i32,
        all_bytes: i32,
    ) -> impl stream::Stream<Item = Result<Bytes, sqlx::Error>> + 'static {
        let (pool, timeout) = (self.pool.clone(), self.settings.statement_timeout);
        let parts = stream::try_unfold(first, move |first| {
            let pool = pool.clone();
            async move {
                if first >= all_bytes {
                    return Ok(None);
                }
                let mut transaction = db::bounded(&pool, timeout).await?;
                let part = people::sound(&mut transaction, &scope, call, recording, first, PART_BYTES_MAX).await?;
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

/// `bytes=first-last`, one range only.
fn read_range(text: &str) -> Option<(i32, Option<i32>)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse::<i32>().ok().filter(|first| *first >= 0)?;
    if last.is_empty() { Some((first, None)) } else { Some((first, Some(last.parse().ok()?))) }
}

#[cfg(test)]
mod tests {
    use super::read_range;

    #[test]
    fn a_range_is_one_or_none() {
        assert_eq!(read_range("bytes=0-"), Some((0, None)));
        assert_eq!(read_range("bytes=10-19"), Some((10, Some(19))));
        for wrong in ["bytes=-5", "bytes=0-1,3-4", "0-", "bytes=a-"] {
            assert_eq!(read_range(wrong), None, "{wrong}");
        }
    }
}
