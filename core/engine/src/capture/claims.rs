//! What a file says of itself: its type by magic bytes, and EXIF read as claims. Never a reason to refuse a capture.

use std::io::Cursor;

use exif::{In, Tag};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::statement::MediaKind;

/// Longest text of one claim, in characters.
const MAX_CLAIM_CHARS: usize = 120;
/// Longest side of a thumbnail, in pixels.
pub const THUMBNAIL_PIXELS: u32 = 320;
/// Longest side of a picture that is decoded for a thumbnail.
const MAX_SIDE_PIXELS: u32 = 12_000;
/// Most memory a decoder may ask for: a 12-megapixel picture in RGB is 36 MB.
const MAX_DECODE_BYTES: u64 = 40 << 20;
/// Largest picture of which a thumbnail is made; with the decoder's limit below the bound of I11.
pub const MAX_THUMBNAIL_SOURCE: u64 = 16 << 20;

/// Claims by their name in the statement.
const TAGS: &[(&str, Tag)] = &[
    ("make", Tag::Make),
    ("model", Tag::Model),
    ("taken", Tag::DateTimeOriginal),
    ("taken_offset", Tag::OffsetTimeOriginal),
    ("latitude", Tag::GPSLatitude),
    ("latitude_ref", Tag::GPSLatitudeRef),
    ("longitude", Tag::GPSLongitude),
    ("longitude_ref", Tag::GPSLongitudeRef),
    ("gps_time", Tag::GPSTimeStamp),
    ("gps_date", Tag::GPSDateStamp),
    ("orientation", Tag::Orientation),
];

/// Media type by the first bytes; `application/octet-stream` for anything unknown.
pub fn media_type(head: &[u8]) -> &'static str {
    let at = |place: usize, magic: &[u8]| {
        head.get(place..)
            .is_some_and(|rest| rest.starts_with(magic))
    };
    if at(0, b"\xff\xd8\xff") {
        "image/jpeg"
    } else if at(0, b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if at(4, b"ftypheic") || at(4, b"ftypheix") || at(4, b"ftypmif1") {
        "image/heic"
    } else if at(4, b"ftypqt  ") {
        "video/quicktime"
    } else if at(4, b"ftypM4A ") {
        "audio/mp4"
    } else if at(4, b"ftyp") {
        "video/mp4"
    } else if at(0, b"\x1a\x45\xdf\xa3") {
        "video/webm"
    } else if at(0, b"RIFF") && at(8, b"WAVE") {
        "audio/wav"
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        "image/webp"
    } else if at(0, b"RIFF") && at(8, b"AVI ") {
        "video/x-msvideo"
    } else if at(0, b"OggS") {
        "audio/ogg"
    } else if at(0, b"ID3") || at(0, b"\xff\xfb") || at(0, b"\xff\xf3") {
        "audio/mpeg"
    } else if at(0, b"%PDF-") {
        "application/pdf"
    } else {
        "application/octet-stream"
    }
}

/// What kind of medium a type is.
pub fn media_kind(media_type: &str) -> MediaKind {
    match media_type.split('/').next() {
        Some("image") => MediaKind::Photo,
        Some("video") => MediaKind::Video,
        Some("audio") => MediaKind::Audio,
        _ => MediaKind::File,
    }
}

/// EXIF claims in the beginning of a file; empty where there are none or they are malformed.
pub fn read_claims(head: &[u8]) -> Object {
    // A parser's fault on hostile bytes must not cost the capture.
    std::panic::catch_unwind(|| exif_claims(head)).unwrap_or_default()
}

fn exif_claims(head: &[u8]) -> Object {
    let Ok(exif) = exif::Reader::new().read_from_container(&mut Cursor::new(head)) else {
        return Object::new();
    };
    TAGS.iter()
        .filter_map(|(name, tag)| {
            let field = exif.get_field(*tag, In::PRIMARY)?;
            let text: String = field
                .display_value()
                .to_string()
                .chars()
                .filter(|character| !character.is_control())
                .take(MAX_CLAIM_CHARS)
                .collect();
            Some(((*name).to_owned(), Value::Text(text)))
        })
        .collect()
}

/// A JPEG of at most [`THUMBNAIL_PIXELS`] a side; none where the picture is too large, malformed or of another format.
pub fn make_thumbnail(bytes: &[u8]) -> Option<Vec<u8>> {
    std::panic::catch_unwind(|| thumbnail(bytes)).ok().flatten()
}

fn thumbnail(bytes: &[u8]) -> Option<Vec<u8>> {
    let format = match media_type(bytes) {
        "image/jpeg" => ImageFormat::Jpeg,
        "image/png" => ImageFormat::Png,
        _ => return None,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE_PIXELS);
    limits.max_image_height = Some(MAX_SIDE_PIXELS);
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    if decoder.total_bytes() > MAX_DECODE_BYTES {
        return None;
    }
    let orientation = decoder.orientation().ok()?;
    let mut small = DynamicImage::from_decoder(decoder)
        .ok()?
        .thumbnail(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS);
    small.apply_orientation(orientation);
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, 70)
        .encode_image(&small.into_rgb8())
        .ok()?;
    Some(out)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A picture of `side` × `side` pixels.
    pub(crate) fn jpeg(side: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let picture = image::RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([
                u8::try_from(x % 256).expect("below 256"),
                u8::try_from(y % 256).expect("below 256"),
                7,
            ])
        });
        JpegEncoder::new(&mut out)
            .encode_image(&picture)
            .expect("encodes");
        out
    }

    /// An EXIF segment with one ASCII tag (Make), put behind the start of a JPEG.
    fn with_make(jpeg: &[u8], make: &[u8]) -> Vec<u8> {
        let mut tiff = b"II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0".to_vec();
        tiff.extend_from_slice(&u32::try_from(make.len()).expect("short").to_le_bytes());
        tiff.extend_from_slice(&26_u32.to_le_bytes());
        tiff.extend_from_slice(&[0; 4]);
        tiff.extend_from_slice(make);
        let mut out = jpeg[..2].to_vec();
        out.extend_from_slice(b"\xff\xe1");
        out.extend_from_slice(&u16::try_from(tiff.len() + 8).expect("short").to_be_bytes());
        out.extend_from_slice(b"Exif\0\0");
        out.extend_from_slice(&tiff);
        out.extend_from_slice(&jpeg[2..]);
        out
    }

    #[test]
    fn exif_is_read_as_claims_and_cut_files_give_none() {
        let picture = with_make(&jpeg(16), b"Maker\x01s\0");
        let claims = read_claims(&picture);
        let make = claims
            .get("make")
            .and_then(Value::as_text)
            .expect("a claim");
        assert!(make.contains("Maker") && !make.contains('\u{1}'), "{make}");
        for length in 0..picture.len().min(200) {
            let _ = read_claims(&picture[..length]);
        }
        assert!(read_claims(b"\xff\xd8\xff\xe1\xff\xffExif\0\0II*\0\xff\xff\xff\xff").is_empty());
    }

    #[test]
    fn thumbnails_are_small_and_hostile_sizes_are_refused() {
        let small = make_thumbnail(&jpeg(900)).expect("a proper picture");
        let size = image::load_from_memory(&small).expect("our own JPEG");
        assert_eq!((size.width(), size.height()), (320, 320));
        assert!(make_thumbnail(b"\xff\xd8\xff\xe0 nothing").is_none());
        // A PNG header that claims 60,000 × 60,000 pixels.
        let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bomb.extend_from_slice(&60_000_u32.to_be_bytes().repeat(2));
        bomb.extend_from_slice(&[8, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert!(make_thumbnail(&bomb).is_none());
    }

    #[test]
    fn types_are_told_by_their_bytes() {
        assert_eq!(media_type(&jpeg(8)), "image/jpeg");
        assert_eq!(media_type(b"\0\0\0\x18ftypisom"), "video/mp4");
        assert_eq!(media_type(b""), "application/octet-stream");
        assert_eq!(media_kind("image/heic"), MediaKind::Photo);
    }
}
