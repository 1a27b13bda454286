//! Writing, reading, tearing, damaging.

use std::time::Duration;

use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::clock::Clock;
use crate::crypto::{Keys, MasterKeys};
use crate::inbox::{Audio, NewEvent};

fn record(number: u32) -> Record {
    Record {
        received_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(number.into()),
        event: NewEvent {
            id: Uuid::from_u128(number.into()),
            connection_id: Uuid::from_u128(7),
            tenant_id: None,
            provider: "retell".into(),
            event_type: "call_ended".to_owned(),
            external_event_id: format!("event-{number}"),
            occurred_at: None,
            payload: format!("{{\"number\":{number}}}"),
        },
        audio: (number % 2 == 1).then(|| Audio {
            id: Uuid::from_u128(100),
            bytes: vec![1, 2, 3],
            media_type: "audio/mpeg".into(),
            sha256: "digest".to_owned(),
        }),
    }
}

fn settings(dir: &std::path::Path, bytes_max: u64) -> Settings {
    Settings { dir: dir.to_owned(), bytes_max, age_max: Duration::MAX }
}

/// What the segments of a directory say: the numbers of their records, or what is wrong.
fn read(spool: &std::path::Path, keys: &Keys) -> Vec<Result<String, String>> {
    let mut found = Vec::new();
    read_directory(spool, keys, usize::MAX, |one| found.push(one.map(|record| record.event.external_event_id)))
        .unwrap();
    found
}

fn events(numbers: std::ops::Range<u32>) -> Vec<Result<String, String>> {
    numbers.map(|number| Ok(format!("event-{number}"))).collect()
}

#[tokio::test]
async fn what_is_kept_is_read_again_in_order_and_sealed_on_the_way() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), Keys::new(MasterKeys::fresh()));
    let spool = Spool::open(&settings(folder.path(), 1 << 20), &keys).unwrap();
    for number in 1..10 {
        let mut old = record(number);
        old.received_at = Clock::system().now();
        spool.keep(old).await.unwrap();
    }
    assert_eq!(spool.holds().records, 9);
    let path = spool.directory().path().to_owned();
    assert_eq!(read(&path, &keys), events(1..10));
    let mut audio = Vec::new();
    read_directory(&path, &keys, 2, |one| audio.push(one.unwrap().audio.map(|audio| audio.bytes))).unwrap();
    assert_eq!(audio, [Some(vec![1, 2, 3]), None]);
    let file = segments(&path).unwrap().remove(0);
    let bytes = std::fs::read(&file.path).unwrap();
    assert_eq!(spool.holds().bytes, bytes.len() as u64);
    for clear in ["event-1", "call_ended", "number", "retell"] {
        assert!(!bytes.windows(clear.len()).any(|part| part == clear.as_bytes()), "{clear} lies in clear");
    }
    let another = read(&path, &Keys::new(MasterKeys::fresh()));
    assert!(another.iter().all(|one| one.as_ref().unwrap_err().contains("not among those given")), "{another:?}");
}

#[tokio::test]
async fn a_torn_end_is_no_record_and_a_damaged_one_is_told_and_takes_no_other_with_it() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), Keys::new(MasterKeys::fresh()));
    let spool = Spool::open(&settings(folder.path(), 1 << 20), &keys).unwrap();
    let mut lengths = vec![0];
    for number in 1..4 {
        spool.keep(Record { received_at: Clock::system().now(), ..record(number) }).await.unwrap();
        lengths.push(spool.holds().bytes);
    }
    let (path, file) =
        (spool.directory().path().to_owned(), segments(spool.directory().path()).unwrap().remove(0).path);
    let whole = std::fs::read(&file).unwrap();
    let second = usize::try_from(lengths[1]).unwrap();
    for cut in usize::try_from(lengths[2]).unwrap() + 1..whole.len() {
        std::fs::write(&file, &whole[..cut]).unwrap();
        let found = read(&path, &keys);
        assert_eq!(found[..2], events(1..3), "cut at {cut}");
        assert_eq!(found.len(), 3, "cut at {cut}");
        assert!(found[2].as_ref().unwrap_err().contains("never finished"), "cut at {cut}");
    }
    // Of a head, the checksum; of what follows, every byte.
    for place in second + 4..usize::try_from(lengths[2]).unwrap() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        std::fs::write(&file, damaged).unwrap();
        let found = read(&path, &keys);
        let expected = [Ok("event-1".to_owned()), Err("it is damaged".to_owned()), Ok("event-3".to_owned())];
        assert_eq!(found, expected, "byte {place}");
    }
    let mut with_room = whole.clone();
    with_room.resize(whole.len() + 4_096, 0);
    std::fs::write(&file, with_room).unwrap();
    assert_eq!(read(&path, &keys), events(1..4), "room that nothing was written to is nothing");
}

#[tokio::test]
async fn a_spool_takes_no_more_than_it_may_and_nothing_behind_what_is_too_old() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), Keys::new(MasterKeys::fresh()));
    let spool = Spool::open(&settings(folder.path(), 2_000), &keys).unwrap();
    let mut taken = 0;
    while spool.keep(Record { received_at: Clock::system().now(), ..record(2) }).await.is_ok() {
        taken += 1;
        assert!(taken < 100);
    }
    assert!(taken > 2 && spool.holds().bytes <= 2_000 && spool.holds().records == taken);
    let old = Settings { age_max: Duration::from_secs(60), ..settings(folder.path(), 1 << 20) };
    let spool = Spool::open(&old, &keys).unwrap();
    spool.keep(record(1)).await.unwrap();
    assert!(matches!(spool.keep(record(2)).await, Err(SpoolError::Full)), "the first is of 1970");
    assert!(!spool.has_room());
}

#[tokio::test]
async fn each_process_has_a_directory_and_finds_what_it_has_left() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), Keys::new(MasterKeys::fresh()));
    let settings = settings(folder.path(), 1 << 20);
    let (one, other) = (Spool::open(&settings, &keys).unwrap(), Spool::open(&settings, &keys).unwrap());
    assert_ne!(one.directory().path(), other.directory().path());
    let path = one.directory().path().to_owned();
    assert!(Directory::lock(&path).unwrap().is_none(), "it is in use");
    one.keep(Record { received_at: Clock::system().now(), ..record(1) }).await.unwrap();
    drop(one);
    let again = Spool::open(&settings, &keys).unwrap();
    assert_eq!((again.directory().path(), again.holds().records), (&*path, 1));
    again.keep(Record { received_at: Clock::system().now(), ..record(2) }).await.unwrap();
    assert_eq!(read(&path, &keys), events(1..3), "in another segment, behind the first");
    assert_eq!(segments(&path).unwrap().len(), 2);
}

#[tokio::test]
async fn where_the_files_are_gone_nothing_is_held_whatever_was_counted() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), Keys::new(MasterKeys::fresh()));
    let spool = Spool::open(&settings(folder.path(), 1 << 20), &keys).unwrap();
    spool.keep(Record { received_at: Clock::system().now(), ..record(1) }).await.unwrap();
    let first = segments(spool.directory().path()).unwrap().remove(0);
    assert!(spool.rotate().await > first.number, "what is closed stands below what is written to");
    assert_eq!(spool.holds().records, 1);
    std::fs::remove_file(first.path).unwrap();
    spool.rotate().await;
    assert_eq!(spool.holds(), Holds::default());
}
