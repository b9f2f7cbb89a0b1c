//! Headers of age files.

use std::sync::LazyLock;

use zhixing_protocol::age::{FileKey, Header, Identity, MAX_HEADER_BYTES};

use crate::choose;

static READER: LazyLock<Identity> = LazyLock::new(|| Identity::make([0x31; 32]));

/// 0: any bytes. 1: a header of ours with one byte changed.
pub fn check(bytes: &[u8]) {
    match choose(bytes, 2) {
        Some((0, rest)) => any(rest),
        Some((_, rest)) => changed(rest),
        None => {}
    }
}

/// What is read is written byte for byte: the MAC covers the very text.
fn any(bytes: &[u8]) {
    if let Ok((header, length)) = Header::parse(bytes) {
        assert!(length <= MAX_HEADER_BYTES);
        assert_eq!(header.to_bytes(), &bytes[..length]);
        assert!(
            header.open(&[&READER]).is_err(),
            "nobody sealed this for the reader"
        );
    }
}

fn changed(bytes: &[u8]) {
    let Some((place, bytes)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let key = FileKey::make([7; 16]);
    let mut drawn = [9; 32];
    for (to, from) in drawn.iter_mut().zip(bytes) {
        *to ^= *from;
    }
    let header = Header::seal(&key, &[READER.recipient()], || drawn).expect("a proper recipient");
    let mut text = header.to_bytes();
    let opened = header.open(&[&READER]).expect("sealed for the reader");
    assert!(opened == key);
    let place = usize::from(u16::from_be_bytes(*place));
    let length = text.len();
    text[place % length] ^= 1 << (place / length % 8);
    if let Ok((header, _)) = Header::parse(&text) {
        assert!(header.open(&[&READER]).is_err());
    }
}
