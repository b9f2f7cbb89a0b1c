//! Photos for print: turned upright, made small, one at a time.
//!
//! A JPEG is decoded at a fraction of its size where its transform allows that (1/2, 1/4, 1/8), so that a photo of 12 million points needs 2 MiB and not 36.
//! What a file says beside the picture (place, device, time) does not get onto the paper; the original keeps it.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder as _, ImageReader, Limits, RgbImage};
use jpeg_decoder::{Decoder, PixelFormat};

/// Where a paper's photos come from, one at a time, so that never two are in memory.
pub trait Photos {
    /// The original bytes (JPEG or PNG) of the photo that a field names. *Errors*: why it cannot be had and what to do.
    fn read(&self, id: &str) -> Result<Vec<u8>, String>;
}

/// For papers without photos.
#[derive(Debug, Clone, Copy)]
pub struct NoPhotos;

impl Photos for NoPhotos {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("no photos were handed in".into())
    }
}

impl Photos for std::collections::BTreeMap<String, Vec<u8>> {
    fn read(&self, id: &str) -> Result<Vec<u8>, String> {
        self.get(id)
            .cloned()
            .ok_or_else(|| "it is not there".into())
    }
}

/// Longest side on paper in points: 1280 over 156 mm are 208 dpi.
const LONGEST: u32 = 1280;
/// Least that the longest side is decoded to; 1000 over 156 mm are 163 dpi.
const LEAST: u16 = 1000;
/// Largest picture that is opened: more is no camera's.
const MAX_POINTS: u64 = 120_000_000;
/// Most memory that decoding one picture may take.
const MAX_DECODING_BYTES: usize = 256 << 20;
/// Quality of the print's JPEG.
const QUALITY: u8 = 80;

/// A photo as it is put on paper: a JPEG. *Errors*: what is wrong with the file.
pub(crate) fn for_print(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (picture, orientation) = if bytes.starts_with(&[0xFF, 0xD8]) {
        jpeg(bytes)?
    } else {
        other(bytes)?
    };
    let mut picture = if picture.width().max(picture.height()) > LONGEST {
        picture.thumbnail(LONGEST, LONGEST)
    } else {
        picture
    };
    picture.apply_orientation(orientation);
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
    let written = match &picture {
        DynamicImage::ImageLuma8(grey) => grey.write_with_encoder(encoder),
        picture => picture.to_rgb8().write_with_encoder(encoder),
    };
    written.map_err(|error| format!("cannot be made small: {error}"))?;
    Ok(out)
}

fn jpeg(bytes: &[u8]) -> Result<(DynamicImage, Orientation), String> {
    let fault = |error: jpeg_decoder::Error| format!("no whole JPEG: {error}");
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_max_decoding_buffer_size(MAX_DECODING_BYTES);
    decoder.read_info().map_err(fault)?;
    let info = decoder.info().ok_or("no JPEG header")?;
    check_points(u64::from(info.width), u64::from(info.height))?;
    let longest = info.width.max(info.height);
    let fraction = [8, 4, 2]
        .into_iter()
        .find(|fraction| longest / fraction >= LEAST)
        .unwrap_or(1);
    decoder
        .scale(
            info.width.div_ceil(fraction),
            info.height.div_ceil(fraction),
        )
        .map_err(fault)?;
    let points = decoder.decode().map_err(fault)?;
    let orientation = decoder
        .exif_data()
        .and_then(Orientation::from_exif_chunk)
        .unwrap_or(Orientation::NoTransforms);
    let info = decoder.info().ok_or("no JPEG header")?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let picture = match info.pixel_format {
        PixelFormat::L8 => GrayImage::from_raw(width, height, points).map(DynamicImage::from),
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, points).map(DynamicImage::from),
        PixelFormat::L16 | PixelFormat::CMYK32 => {
            return Err("a JPEG for printing presses; save it as an ordinary one".into());
        }
    };
    Ok((picture.ok_or("a JPEG of an odd size")?, orientation))
}

fn other(bytes: &[u8]) -> Result<(DynamicImage, Orientation), String> {
    let fault = |error: image::ImageError| format!("no whole JPEG or PNG: {error}");
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_alloc = u64::try_from(MAX_DECODING_BYTES).ok();
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    check_points(u64::from(width), u64::from(height))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(fault)?;
    Ok((picture, orientation))
}

fn check_points(width: u64, height: u64) -> Result<(), String> {
    if width == 0 || height == 0 || width * height > MAX_POINTS {
        return Err(format!(
            "{width} × {height} points; a photo has from 1 to {MAX_POINTS}"
        ));
    }
    Ok(())
}
