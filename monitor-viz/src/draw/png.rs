//! The picture as PNG.

use super::canvas::Canvas;
use super::compose::scene;
use super::error::DrawError;
use super::figure::Figure;
use super::paint::paint;
use super::style::Style;
use super::text::clean;

/// Draws a figure as the bytes of a PNG file. The same figure gives the same bytes.
///
/// # Errors
///
/// [`DrawError::NoData`] if there is nothing to show; otherwise a size, scale or range that cannot be drawn.
pub fn png(figure: &Figure, style: &Style) -> Result<Vec<u8>, DrawError> {
    let size = (style.width, style.height);
    encode(&pixels(figure, style)?, size, &clean(&figure.title)).map_err(|error| DrawError::Backend(error.to_string()))
}

/// Draws a figure as pixels: red, green and blue, a byte each, row after row from the top. The same figure gives the same bytes.
///
/// # Errors
///
/// As [`png`].
pub fn pixels(figure: &Figure, style: &Style) -> Result<Vec<u8>, DrawError> {
    let scene = scene(figure, style)?;
    let size = (style.width, style.height);
    let mut pixels = vec![0; size.0 as usize * size.1 as usize * 3];
    let shapes = scene.layers.iter().flat_map(|layer| &layer.shapes);
    paint(Canvas::new(&mut pixels, size, style.scale), shapes)?;
    Ok(pixels)
}

fn encode(pixels: &[u8], (width, height): (u32, u32), title: &str) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    if !title.is_empty() {
        encoder.add_itxt_chunk("Title".to_owned(), title.to_owned())?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}
