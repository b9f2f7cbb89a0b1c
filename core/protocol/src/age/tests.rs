use bech32::primitives::iter::{ByteIterExt as _, Fe32IterExt as _};
use bech32::{Bech32, Bech32m, Fe32, Hrp};
use proptest::prelude::*;

use super::chunk::PayloadKey;
use super::*;

/// Identity and recipient of the specification's text.
const IDENTITY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const RECIPIENT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const NONCE: [u8; NONCE_LEN] = [9; NONCE_LEN];

fn key() -> FileKey {
    FileKey::make([7; 16])
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect()
}

/// The payload, nonce first.
fn sealed(plain: &[u8]) -> Vec<u8> {
    let mut sealer = StreamSealer::new(&key(), &NONCE);
    let mut out = NONCE.to_vec();
    sealer.push(plain, &mut out);
    sealer.finish(&mut out);
    out
}

fn opened(payload: &[u8]) -> Result<Vec<u8>, AgeError> {
    let mut opener = StreamOpener::new(key());
    let mut out = Vec::new();
    opener.push(payload, &mut out)?;
    opener.finish(&mut out)?;
    Ok(out)
}

/// Lengths at and beside the edges of chunks.
fn lengths() -> impl Strategy<Value = usize> {
    (0_usize..4, -2_isize..3)
        .prop_map(|(chunks, beside)| (chunks * CHUNK_PLAIN).saturating_add_signed(beside))
}

/// Cuts at and beside the edges of chunks, and anywhere.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![lengths(), 0_usize..300_000, 0_usize..40], 0..6)
}

fn pieces<'a>(whole: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| (*cut).min(whole.len())).collect();
    cuts.push(whole.len());
    cuts.sort_unstable();
    let mut start = 0;
    cuts.into_iter()
        .map(|end| &whole[core::mem::replace(&mut start, end)..end])
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_of_pushes_gives_the_same_file_and_back(
        length in lengths(), sealing in cuts(), opening in cuts(),
    ) {
        let plain = bytes(length);
        let mut payload = NONCE.to_vec();
        let mut sealer = StreamSealer::new(&key(), &NONCE);
        let mut pushed = 0;
        for piece in pieces(&plain, &sealing) {
            sealer.push(piece, &mut payload);
            pushed += piece.len();
            let chunks = usize::try_from(sealer.chunks()).expect("few");
            prop_assert_eq!(chunks * CHUNK_PLAIN + sealer.tail().len(), pushed);
            prop_assert_eq!(payload.len(), NONCE_LEN + chunks * CHUNK_SEALED);
            prop_assert!(plain[..pushed].ends_with(sealer.tail()));
        }
        sealer.finish(&mut payload);
        prop_assert!(payload == sealed(&plain));
        prop_assert_eq!(sealed_size(length as u64), payload.len() as u64);
        prop_assert_eq!(plain_size(payload.len() as u64), Some(length as u64));

        let mut out = Vec::new();
        let mut opener = StreamOpener::new(key());
        for piece in pieces(&payload, &opening) {
            opener.push(piece, &mut out).expect("our own file");
        }
        opener.finish(&mut out).expect("our own file");
        prop_assert!(out == plain);
    }

    #[test]
    fn any_flipped_bit_is_refused_and_only_what_precedes_it_given_out(
        length in lengths(), at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let plain = bytes(length);
        let mut payload = sealed(&plain);
        let at = at.index(payload.len());
        payload[at] ^= 1 << bit;
        let mut out = Vec::new();
        let mut opener = StreamOpener::new(key());
        let pushed = opener.push(&payload, &mut out);
        let whole = at.saturating_sub(NONCE_LEN) / CHUNK_SEALED;
        if pushed.is_err() {
            prop_assert_eq!(opener.push(&[], &mut out), Err(AgeError::BadChunk));
        }
        prop_assert_eq!(opener.finish(&mut out), Err(AgeError::BadChunk));
        prop_assert!(out == plain[..whole * CHUNK_PLAIN]);
    }

    #[test]
    fn any_truncation_or_extension_is_refused(
        length in lengths(), keep in any::<prop::sample::Index>(),
        more in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let payload = sealed(&bytes(length));
        prop_assert_eq!(opened(&payload[..keep.index(payload.len())]), Err(AgeError::BadChunk));
        for more in [&more[..], &sealed(b"x")[NONCE_LEN..]] {
            let longer = [&payload, more].concat();
            prop_assert_eq!(opened(&longer), Err(AgeError::BadChunk));
        }
    }

    #[test]
    fn i1_a_torn_file_gives_its_whole_chunks_and_a_finished_one_all(
        length in lengths(), cut in any::<prop::sample::Index>(), zeros in 0_usize..30,
        reading in cuts(),
    ) {
        let plain = bytes(length);
        let payload = sealed(&plain);
        let cut = cut.index(payload.len() + 1);
        let closed = cut == payload.len();
        let mut torn = payload[..cut].to_vec();
        // A file system may leave zeros where nothing was written.
        torn.resize(cut + if closed { 0 } else { zeros }, 0);
        let inner = (payload.len() - NONCE_LEN - 1) / CHUNK_SEALED;
        let whole = (cut.saturating_sub(NONCE_LEN) / CHUNK_SEALED).min(inner);
        let expected = RecoveredPrefix {
            whole_chunks: whole as u64,
            plain_bytes: if closed { length } else { whole * CHUNK_PLAIN } as u64,
            closed,
        };

        let mut out = Vec::new();
        let mut opener = StreamOpener::new(key());
        for piece in pieces(&torn, &reading) {
            if opener.push(piece, &mut out).is_err() {
                break;
            }
        }
        prop_assert_eq!(opener.recover(&mut out), expected);
        prop_assert!(out == plain[..usize::try_from(expected.plain_bytes).expect("small")]);

        let mut out = Vec::new();
        let chunks = torn.get(NONCE_LEN..).unwrap_or_default();
        prop_assert_eq!(recover_prefix(&key(), &NONCE, chunks, 0, &mut out), whole as u64);
        prop_assert!(out == plain[..whole * CHUNK_PLAIN]);
    }

    #[test]
    fn any_flipped_bit_of_a_header_is_refused(
        at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let court = Identity::make([1; 32]);
        let mut text = Header::seal(&key(), &[court.recipient()], draw(1))
            .expect("a proper key")
            .to_bytes();
        let at = at.index(text.len());
        text[at] ^= 1 << bit;
        let opened = Header::parse(&text).and_then(|(header, _)| header.open(&[&court]));
        prop_assert!(opened.is_err(), "bit {} of byte {}", bit, at);
    }

    #[test]
    fn hostile_headers_are_refused_and_never_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        lines in "(-> [X25519a-zA-Z0-9 ]{0,70}\n|[A-Za-z0-9+/=]{0,70}\n|--- [A-Za-z0-9+/]{0,50}\n){0,12}",
    ) {
        prop_assert!(Header::parse(&noise).is_err());
        let framed = [b"age-encryption.org/v1\n", lines.as_bytes(), &noise].concat();
        if let Ok((header, length)) = Header::parse(&framed) {
            prop_assert_eq!(header.to_bytes(), &framed[..length]);
            prop_assert!(header.open(&[&Identity::make([1; 32])]).is_err());
        }
    }
}

#[test]
fn a_chunk_opens_at_its_own_place_only() {
    let plain = bytes(2 * CHUNK_PLAIN + 9);
    let payload = sealed(&plain);
    let chunks = &payload[NONCE_LEN..];
    let opener = ChunkOpener::new(&key(), &NONCE);
    assert_eq!(chunk_of(CHUNK_PLAIN as u64 + 3), (1, 3));
    let second = &chunks[CHUNK_SEALED..2 * CHUNK_SEALED];
    let last = &chunks[2 * CHUNK_SEALED..];
    let mut out = vec![1, 2];
    assert_eq!(
        opener.open_chunk(1, ChunkPlace::Inner, second, &mut out),
        Ok(())
    );
    assert_eq!(out[2..], plain[CHUNK_PLAIN..2 * CHUNK_PLAIN]);
    out.truncate(2);
    for (index, place, chunk) in [
        (0, ChunkPlace::Inner, second),
        (2, ChunkPlace::Inner, second),
        (1, ChunkPlace::Final, second),
        (2, ChunkPlace::Inner, last),
        (1, ChunkPlace::Final, last),
        (2, ChunkPlace::Final, &last[1..]),
        (2, ChunkPlace::Final, b""),
        (1, ChunkPlace::Inner, &second[..100]),
    ] {
        let refused = opener.open_chunk(index, place, chunk, &mut out);
        assert_eq!(refused, Err(AgeError::BadChunk));
        assert_eq!(out, [1, 2]);
    }
    assert_eq!(
        opener.open_chunk(2, ChunkPlace::Final, last, &mut out),
        Ok(())
    );
    assert_eq!(out[2..], plain[2 * CHUNK_PLAIN..]);
}

#[test]
fn an_empty_last_chunk_stands_only_in_an_empty_payload() {
    assert_eq!(opened(&sealed(b"")), Ok(Vec::new()));
    let payload_key = PayloadKey::derive(&key(), &NONCE);
    let mut payload = NONCE.to_vec();
    payload_key.seal(0, ChunkPlace::Inner, &bytes(CHUNK_PLAIN), &mut payload);
    payload_key.seal(1, ChunkPlace::Final, b"", &mut payload);
    assert_eq!(opened(&payload), Err(AgeError::BadChunk));
}

#[test]
fn sizes_no_payload_has_are_refused() {
    let whole = CHUNK_SEALED as u64;
    for size in [0, 15, 16, 31, 16 + whole + 15, 16 + whole + 16] {
        assert_eq!(plain_size(size), None, "{size}");
    }
    assert_eq!(plain_size(32), Some(0));
    assert_eq!(plain_size(16 + 2 * whole), Some(2 * CHUNK_PLAIN as u64));
}

fn draw(first: u8) -> impl FnMut() -> [u8; 32] {
    let mut next = first;
    move || {
        next = next.wrapping_add(1);
        [next; 32]
    }
}

#[test]
fn a_header_opens_for_each_recipient_and_can_be_wrapped_again() {
    let [court, device, reader] = [1, 2, 3].map(|number| Identity::make([number; 32]));
    let header = Header::seal(&key(), &[court.recipient(), device.recipient()], draw(10))
        .expect("proper keys");
    let text = header.to_bytes();
    let (parsed, length) =
        Header::parse(&[text.as_slice(), b"rest"].concat()).expect("our own header");
    assert_eq!((&parsed, length), (&header, text.len()));
    assert_eq!(parsed.open(&[&device]), Ok(key()));
    assert_eq!(parsed.open(&[&reader]), Err(AgeError::NoMatch));
    let unwrapped = parsed.open(&[&reader, &court]).expect("one fits");
    let again = Header::seal(&unwrapped, &[reader.recipient()], draw(20)).expect("proper keys");
    assert_eq!(again.open(&[&reader]), Ok(key()));
    assert_eq!(again.open(&[&court]), Err(AgeError::NoMatch));
}

#[test]
fn a_changed_header_is_refused() {
    let court = Identity::make([1; 32]);
    let header = Header::seal(&key(), &[court.recipient()], draw(1)).expect("a proper key");
    let text = String::from_utf8(header.to_bytes()).expect("ASCII");
    let with_line = text.replacen("---", "-> other\nAAAA\n---", 1);
    let (changed, _) = Header::parse(with_line.as_bytes()).expect("well formed");
    assert_eq!(changed.open(&[&court]), Err(AgeError::BadMac));
    for end in 0..text.len() {
        assert_eq!(
            Header::parse(&text.as_bytes()[..end]),
            Err(AgeError::BadHeader)
        );
    }
}

#[test]
fn a_header_has_a_bound_both_ways() {
    let to = vec![Identity::make([1; 32]).recipient(); 669];
    let largest = Header::seal(&key(), &to[..668], draw(1)).expect("within the bound");
    let (_, length) = Header::parse(&largest.to_bytes()).expect("within the bound");
    assert_eq!(length, 22 + 668 * 98 + 48);
    assert_eq!(
        Header::seal(&key(), &to, draw(1)),
        Err(AgeError::HeaderTooLarge)
    );
    assert_eq!(
        Header::seal(&key(), &[], draw(1)),
        Err(AgeError::NoRecipient)
    );
    let body = format!("{}\n", "A".repeat(64)).repeat(2000);
    let endless = format!("age-encryption.org/v1\n-> x\n{body}");
    assert_eq!(
        Header::parse(endless.as_bytes()),
        Err(AgeError::HeaderTooLarge)
    );
}

#[test]
fn keys_have_the_text_of_the_specification() {
    let identity: Identity = IDENTITY.parse().expect("the specification's");
    assert_eq!(identity.to_secret_text().as_str(), IDENTITY);
    assert_eq!(identity.recipient().to_string(), RECIPIENT);
    assert_eq!(RECIPIENT.parse(), Ok(identity.recipient()));
}

#[test]
fn secrets_are_not_printed() {
    let identity: Identity = IDENTITY.parse().expect("the specification's");
    let shown = format!("{identity:?} {:?}", FileKey::make([0x42; 16]));
    for secret in ["66, 66", "4242", &IDENTITY[16..40]] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn another_spelling_of_a_key_is_refused() {
    for bad in [
        "",
        "age1",
        &RECIPIENT.to_uppercase(),
        &RECIPIENT[..61],
        &format!("{RECIPIENT} "),
        &RECIPIENT.replace("age1z", "age1y"),
        &RECIPIENT.replacen('a', "A", 1),
        IDENTITY,
    ] {
        assert_eq!(
            bad.parse::<Recipient>(),
            Err(AgeError::BadRecipient),
            "{bad}"
        );
    }
    for bad in ["", &IDENTITY.to_lowercase(), &IDENTITY[..70], RECIPIENT] {
        assert_eq!(
            bad.parse::<Identity>().err(),
            Some(AgeError::BadIdentity),
            "{bad}"
        );
    }
    let hrp = Hrp::parse("age").expect("short");
    for length in [0, 31, 33, 64] {
        let text = bech32::encode::<Bech32>(hrp, &vec![9; length]).expect("short");
        assert_eq!(text.parse::<Recipient>(), Err(AgeError::BadRecipient));
    }
    let modified = bech32::encode::<Bech32m>(hrp, &[9; 32]).expect("short");
    assert_eq!(modified.parse::<Recipient>(), Err(AgeError::BadRecipient));
    // 32 bytes are 51 characters and one bit: the last character has four bits of padding, here not zero.
    let mut symbols: Vec<_> = [9_u8; 32].into_iter().bytes_to_fes().collect();
    *symbols.last_mut().expect("52 symbols") = Fe32::P;
    let loose: String = symbols
        .into_iter()
        .with_checksum::<Bech32>(&hrp)
        .chars()
        .collect();
    assert_eq!(loose.parse::<Recipient>(), Err(AgeError::BadRecipient));
}

#[test]
fn points_nobody_owns_and_second_spellings_of_points_are_refused() {
    let hrp = Hrp::parse("age").expect("short");
    let read = |point: [u8; 32]| {
        let text = bech32::encode::<Bech32>(hrp, &point).expect("short");
        text.parse::<Recipient>()
    };
    let mut prime = [0xff; 32];
    (prime[0], prime[31]) = (0xed, 0x7f);
    let with_lowest = |mut point: [u8; 32], lowest| {
        point[0] = lowest;
        point
    };
    let honest: Recipient = RECIPIENT.parse().expect("the specification's");
    let mut spare_bit = honest.0;
    spare_bit[31] |= 0x80;
    let order_eight = crate::hash::array_from_hex(
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    )
    .expect("hexadecimal");
    for bad in [
        [0; 32],
        with_lowest([0; 32], 1),
        with_lowest(prime, 0xec),
        prime,
        with_lowest(prime, 0xf6),
        spare_bit,
        order_eight,
    ] {
        assert_eq!(read(bad), Err(AgeError::BadRecipient), "{bad:?}");
    }
    assert!(read([9; 32]).is_ok());
    assert_eq!(read(honest.0), Ok(honest));
}

#[test]
fn a_derived_header_is_the_same_each_time_and_opens_for_its_recipient_only() {
    let (reader, other) = (Identity::make([3; 32]), Identity::make([4; 32]));
    let key = FileKey::make([5; 16]);
    let header = Header::derive(&key, &reader.recipient()).expect("a header");
    let again = Header::derive(&key, &reader.recipient()).expect("a header");
    assert_eq!(header.to_bytes(), again.to_bytes());
    let opened = header.open(&[&reader]).expect("opens");
    assert_eq!(opened.as_bytes(), key.as_bytes());
    assert_eq!(
        header.open(&[&other]).expect_err("another's"),
        AgeError::NoMatch
    );
    // Neither another reader nor another file shares the ephemeral key.
    let share = |key: [u8; 16], reader: &Identity| {
        let header = Header::derive(&FileKey::make(key), &reader.recipient()).expect("a header");
        let text = String::from_utf8(header.to_bytes()).expect("ASCII");
        text.lines().nth(1).expect("a stanza").to_owned()
    };
    let shares = [
        share([5; 16], &reader),
        share([5; 16], &other),
        share([6; 16], &reader),
    ];
    assert!(shares[0] != shares[1] && shares[0] != shares[2]);
}
