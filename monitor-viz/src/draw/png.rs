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
/// As [`png()`].
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
    encoder.set_depth(png::BitDepth::Eight);
    let indexed = Indexed::of(pixels);
    let data = if let Some(Indexed { palette, indices }) = &indexed {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette.as_slice());
        // Neighbouring numbers are no neighbouring colours: there is nothing to predict.
        encoder.set_filter(png::Filter::NoFilter);
        encoder.set_deflate_compression(png::DeflateCompression::Level(LEVEL));
        indices
    } else {
        encoder.set_color(png::ColorType::Rgb);
        pixels
    };
    if !title.is_empty() {
        encoder.add_itxt_chunk("Title".to_owned(), title.to_owned())?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(bytes)
}

/// Higher levels take much longer and save little on pictures that are mostly paper.
const LEVEL: u8 = 3;

/// A picture of no more than 256 colours: a third of the bytes to compress.
struct Indexed {
    /// Three bytes a colour, in the order in which they come.
    palette: Vec<u8>,
    indices: Vec<u8>,
}

impl Indexed {
    fn of(pixels: &[u8]) -> Option<Self> {
        // By a number made of the colour: the colour and its place, or nothing yet.
        let mut known: [Option<([u8; 3], u8)>; 1_024] = [None; 1_024];
        let (mut palette, mut indices) = (Vec::new(), Vec::with_capacity(pixels.len() / 3));
        let mut last = ([0; 3], None);
        for pixel in pixels.as_chunks::<3>().0 {
            if last.1.is_some() && last.0 == *pixel {
                indices.extend(last.1);
                continue;
            }
            let [red, green, blue] = pixel.map(usize::from);
            let mut slot = (red * 131 + green * 31 + blue * 7) % known.len();
            let index = loop {
                match known[slot] {
                    Some((color, index)) if color == *pixel => break index,
                    Some(_) => slot = (slot + 1) % known.len(),
                    None => {
                        let index = u8::try_from(palette.len() / 3).ok()?;
                        known[slot] = Some((*pixel, index));
                        palette.extend(pixel);
                        break index;
                    }
                }
            };
            indices.push(index);
            last = (*pixel, Some(index));
        }
        Some(Self { palette, indices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_few_colors_has_a_palette_and_one_of_many_has_none() {
        let few: Vec<u8> = (0..300_u32).flat_map(|at| [(at % 256) as u8, 7, (at % 256) as u8]).collect();
        let indexed = Indexed::of(&few).expect("256 colours");
        let back: Vec<u8> =
            indexed.indices.iter().flat_map(|index| indexed.palette[usize::from(*index) * 3..][..3].to_vec()).collect();
        assert_eq!(back, few);
        let many: Vec<u8> = (0..257_u32).flat_map(|at| [(at % 256) as u8, (at / 256) as u8, 0]).collect();
        assert!(Indexed::of(&many).is_none());
    }
}
