//! Digests of telephone numbers without a key: whoever has one finds the number by trying all of them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{TENANT, TestApp};

/// What ids were made in before they had a key.
pub const OLD_NAMESPACE: Uuid = Uuid::from_u128(0x8f6f_0a2e_5d1c_4b7a_9c3e_51f2_6d84_a0b7);

/// FIPS 180-4. Ids were made with it once.
pub fn sha1(text: &[u8]) -> Vec<u8> {
    let mut message = text.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend((text.len() as u64 * 8).to_be_bytes());
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in message.chunks(64) {
        let mut words: Vec<u32> = block.chunks(4).map(|w| u32::from_be_bytes(w.try_into().unwrap())).collect();
        for at in 16..80 {
            words.push((words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.iter().enumerate() {
            let (f, k) = match at {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(part);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Digests of a number without a key: of it alone, and with the tenant or the table that it stands in.
pub async fn plain_digests(app: &TestApp, number: &str) -> Vec<Vec<u8>> {
    let tenant = TENANT.to_string();
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for number in [number, &number[1..], &number[2..]] {
        texts.push(number.into());
        for tenant in [&*tenant, "default"] {
            for between in ["", "\x1f", "\0", ":", "/", "|", ",", " "] {
                texts.push(format!("{tenant}{between}{number}").into());
                texts.push(format!("{number}{between}{tenant}").into());
                texts.push(format!("lead{between}{tenant}{between}{number}").into());
            }
        }
    }
    let names: Vec<Vec<u8>> = texts.clone();
    for namespace in [OLD_NAMESPACE, Uuid::NAMESPACE_DNS, Uuid::NAMESPACE_URL, Uuid::NAMESPACE_OID, Uuid::nil(), TENANT]
    {
        texts.extend(names.iter().map(|name| [namespace.as_bytes(), &**name].concat()));
    }
    let hexes: Vec<String> = texts.iter().map(|text| hex(text)).collect();
    let md5: Vec<Vec<u8>> = sqlx::query_scalar("select decode(md5(decode(x, 'hex')), 'hex') from unnest($1::text[]) x")
        .bind(&hexes)
        .fetch_all(&app.owner)
        .await
        .unwrap();
    let sha256 = texts.iter().map(|text| Sha256::digest(text).to_vec());
    sha256.chain(texts.iter().map(|text| sha1(text))).chain(md5).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digests that stand in a text, as an id, as bytes, or in base64. The first 48 bits tell: a UUID writes its version
/// and its kind behind them.
pub fn digests_within(text: &str, digests: &[Vec<u8>]) -> Vec<String> {
    let dashless = text.replace('-', "").to_lowercase();
    let is_there = |digest: &&Vec<u8>| {
        let head = &digest[..6];
        let base64 = [STANDARD.encode(head), URL_SAFE_NO_PAD.encode(head)];
        dashless.contains(&hex(head)) || base64.iter().any(|head| text.contains(head))
    };
    digests.iter().filter(is_there).map(|digest| hex(digest)).collect()
}
