//! A recording that is kept here, as a player asks for it: in parts.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_RANGE, RANGE};
use actix_web::web::{Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::super::fault::Fault;
use crate::console::{Console, Entry};
use crate::store::people::{self, Revealed};

/// Bytes of one answer at most: a player asks for the next part.
const PART_BYTES_MAX: i32 = 1024 * 1024;

/// A part of a recording.
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    path: Path<(Uuid, Uuid)>,
) -> Result<HttpResponse, Fault> {
    let (call_id, recording_id) = path.into_inner();
    let range = request.headers().get(RANGE).and_then(|value| value.to_str().ok());
    let (first, last) = range.and_then(read_range).unwrap_or((0, None));
    let length = last.map_or(PART_BYTES_MAX, |last| last.saturating_sub(first).saturating_add(1).min(PART_BYTES_MAX));
    let mut transaction = console.begin().await?;
    let part = people::sound(&mut transaction, &entry.scope, call_id, recording_id, first, length).await?;
    people::log_reveal(&mut transaction, &entry.scope, Revealed::Call(call_id), 1).await?;
    transaction.commit().await?;
    let part = part.ok_or(Fault::NotFound)?;
    if first >= part.all_bytes {
        let mut response = HttpResponse::build(StatusCode::RANGE_NOT_SATISFIABLE);
        return Ok(response.insert_header((CONTENT_RANGE, format!("bytes */{}", part.all_bytes))).finish());
    }
    let is_whole = i32::try_from(part.bytes.len()).is_ok_and(|bytes| bytes == part.all_bytes);
    let mut response = if is_whole { HttpResponse::Ok() } else { HttpResponse::PartialContent() };
    if !is_whole {
        let last = i64::from(first) + part.bytes.len() as i64 - 1;
        response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{}", part.all_bytes)));
    }
    // Only ever sound: what a platform called it is not believed further than that.
    let named = part.media_type.filter(|name| name.starts_with("audio/") && name.is_ascii());
    let media_type = named.unwrap_or_else(|| "audio/mpeg".to_owned());
    Ok(response.insert_header((ACCEPT_RANGES, "bytes")).content_type(media_type).body(part.bytes))
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
