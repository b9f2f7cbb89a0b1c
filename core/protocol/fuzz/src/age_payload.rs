//! Payloads of age files in pieces: sealing, opening, damage, and the prefix a kill left.

use zhixing_protocol::age::{
    CHUNK_PLAIN, CHUNK_SEALED, FileKey, NONCE_LEN, StreamOpener, StreamSealer, plain_size,
    recover_prefix, sealed_size,
};

use crate::source::Source;

/// What comes out is always a prefix of what went in; all of it only if nothing was changed.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let key = FileKey::make([source.byte(); 16]);
    let nonce = [source.byte(); NONCE_LEN];
    // Around the edges of up to three chunks.
    let chunks = usize::from(source.below(4));
    let plain_len = (chunks * CHUNK_PLAIN + usize::from(source.byte())).saturating_sub(128);
    let plain: Vec<u8> = (0..=250).cycle().take(plain_len).collect();

    let mut sealed = nonce.to_vec();
    let mut sealer = StreamSealer::new(&key, &nonce);
    for piece in pieces(&plain, source.short()) {
        sealer.push(piece, &mut sealed);
    }
    assert_eq!(
        sealer.chunks() * CHUNK_PLAIN as u64 + sealer.tail().len() as u64,
        plain_len as u64
    );
    sealer.finish(&mut sealed);
    assert_eq!(sealed_size(plain_len as u64), sealed.len() as u64);
    assert_eq!(plain_size(sealed.len() as u64), Some(plain_len as u64));

    let mut damaged = sealed.clone();
    match source.below(4) {
        0 => {}
        1 => damaged.truncate(usize::from(source.short()) * 4 % (sealed.len() + 1)),
        2 => {
            let place =
                (usize::from(source.short()) * 4 + usize::from(source.below(4))) % sealed.len();
            damaged[place] ^= 1 << source.below(8);
        }
        _ => damaged.extend_from_slice(source.take(64)),
    }
    let step = source.short();
    let same = damaged == sealed;

    let mut out = Vec::new();
    let mut opener = StreamOpener::new(key.clone());
    let mut torn = StreamOpener::new(key.clone());
    let mut prefix = Vec::new();
    let mut failed = false;
    for piece in pieces(&damaged, step) {
        let pushed = opener.push(piece, &mut out);
        assert_eq!(pushed.is_ok(), torn.push(piece, &mut prefix).is_ok());
        if failed {
            assert!(pushed.is_err(), "after an error every further call is one");
        }
        failed |= pushed.is_err();
    }
    assert_eq!(out, prefix);
    let finished = opener.finish(&mut out).is_ok();
    assert_eq!(finished, same);
    assert!(plain.starts_with(&out));
    assert!(!finished || out == plain);

    let recovered = torn.recover(&mut prefix);
    assert!(
        plain.starts_with(&prefix),
        "only authentic bytes are recovered"
    );
    assert_eq!(recovered.plain_bytes, prefix.len() as u64);
    assert!(recovered.whole_chunks <= 3);
    assert!(!same || (recovered.closed && prefix == plain));
    assert!(prefix.len() >= out.len() || !finished);

    // The same prefix with the nonce known, whole chunks only.
    if let Some(rest) = damaged.get(NONCE_LEN..) {
        let mut whole = Vec::new();
        let count = recover_prefix(&key, &nonce, rest, 0, &mut whole);
        assert!(plain.starts_with(&whole));
        assert_eq!(whole.len() as u64, count * CHUNK_PLAIN as u64);
        assert!(rest.len() as u64 >= count * CHUNK_SEALED as u64);
    }
}

/// `bytes` in pieces of `step`, in few steps however long they are.
fn pieces(bytes: &[u8], step: u16) -> impl Iterator<Item = &[u8]> {
    let shortest = bytes.len() / 64 + 1;
    bytes.chunks(usize::from(step).max(shortest))
}
