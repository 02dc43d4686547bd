//! The typeface: how wide a text is and the shapes of its letters.
//!
//! The font is compiled in, so a picture is the same on every machine. plotters can set type too,
//! but it puts every letter on a whole pixel and drops its side bearing, which is ugly at the sizes
//! of a chart; so the letters come from `ab_glyph` directly.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, GlyphId, PxScale, ScaleFont, point};

/// The family that SVG viewers are asked for. Verdana has nearly the same widths where `DejaVu` is missing.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// The height of a lower-case x and of a capital, as shares of the type size (from the font's
/// outlines: 1120 and 1493 of 2048).
pub(super) const X_HEIGHT: f64 = 0.547;
pub(super) const CAP_HEIGHT: f64 = 0.729;

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../assets/DejaVuSans-subset.ttf"))
        .expect("the font that is compiled in is a valid font: a test draws with it")
});

/// `ab_glyph` scales a font to the height of its line; type sizes are of the em square.
fn scale(size: f64) -> PxScale {
    let em = FONT.units_per_em().expect("the font that is compiled in states its em square");
    PxScale::from((size * f64::from(FONT.height_unscaled()) / f64::from(em)) as f32)
}

/// The distance to the next letter. What the font does not have (Chinese, emoji) is as wide as it
/// is high in any font that has it.
fn advance(font: &impl ScaleFont<&'static FontRef<'static>>, glyph: GlyphId, size: f64) -> f64 {
    if glyph == GlyphId(0) { size } else { f64::from(font.h_advance(glyph)) }
}

/// The letters of a text with their positions, the first one at zero, and the width of the whole.
fn set(text: &str, size: f64) -> (Vec<(GlyphId, f64)>, f64) {
    let font = FONT.as_scaled(scale(size));
    let mut letters = Vec::with_capacity(text.len());
    let (mut x, mut last) = (0.0, None);
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        if let Some(last) = last {
            x += f64::from(font.kern(last, glyph));
        }
        letters.push((glyph, x));
        x += advance(&font, glyph, size);
        last = Some(glyph);
    }
    (letters, x)
}

/// The width of a text in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    set(text, size).1
}

/// The text, shortened with an ellipsis if it is wider than `room`.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    // No letter but a mark that sits on another one is narrower than a twentieth of the size:
    // enough to stop measuring an endless text.
    let enough = (room / size * 20.0).max(1.0) as usize;
    let long = text.char_indices().nth(enough).map_or(text, |(end, _)| &text[..end]);
    let (letters, whole) = set(long, size);
    if whole <= room && long.len() == text.len() {
        return text.to_owned();
    }
    let room = room - width("…", size);
    let kept = letters.iter().skip(1).map(|(_, x)| *x).chain([whole]).take_while(|end| *end <= room).count();
    let mut short: String = long.chars().take(kept).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// The text without what would break a line, an XML file or the order of the letters around it:
/// control characters become blanks; marks of direction, joiners and variation selectors go.
pub(super) fn clean(text: &str) -> String {
    let blanks = text.chars().filter_map(|letter| match letter {
        '\u{AD}'
        | '\u{61C}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}'
        | '\u{FFFE}'
        | '\u{FFFF}' => None,
        letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => Some(' '),
        letter => Some(letter),
    });
    blanks.collect::<String>().trim().to_owned()
}

/// Calls `dot(x, y, coverage)` for every pixel that a text touches, its baseline starting at `(x, y)`.
pub(super) fn draw(text: &str, size: f64, (x, y): (f64, f64), mut dot: impl FnMut(i64, i64, f32)) {
    let scale = scale(size);
    for (id, shift) in set(text, size).0 {
        let inset = if id == GlyphId(0) { size * 0.2 } else { 0.0 };
        let position = point((x + shift + inset) as f32, y as f32);
        let Some(outline) = FONT.outline_glyph(Glyph { id, scale, position }) else {
            continue;
        };
        let corner = outline.px_bounds().min;
        let (left, top) = (corner.x as i64, corner.y as i64);
        outline.draw(|column, row, coverage| {
            dot(left + i64::from(column), top + i64::from(row), coverage.min(1.0));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_stays_and_a_longer_one_is_shortened_to_the_room() {
        assert_eq!(fit("Rate", 12.0, 100.0), "Rate");
        for text in [
            "a rather long name of a metric",
            "WWWWWWWWWWWWWWWW",
            "成功率成功率成功率成功率",
            "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii",
        ] {
            let short = fit(text, 12.0, 80.0);
            assert!(short.ends_with('…') && width(&short, 12.0) <= 80.0, "{short}");
            assert!(width(&short, 12.0) > 60.0, "{short}");
        }
        assert_eq!(fit("Rate", 12.0, 0.0), "…");
        assert_eq!(fit("", 12.0, 0.0), "");
    }

    #[test]
    fn a_missing_letter_is_a_visible_box() {
        for letter in ["中", "ש", "🙂", "\u{FFFD}"] {
            let mut covered = 0.0;
            draw(letter, 20.0, (5.0, 30.0), |_, _, cover| covered += cover);
            assert!(covered > 10.0, "{letter}");
        }
    }

    #[test]
    fn letters_of_the_west_the_east_and_mathematics_are_in_the_font() {
        for letter in "AzéßŁőΩψЖя–—…“”€₽→∑≤≈×⁻¹²⁰−✓✗µ".chars() {
            assert_ne!(FONT.glyph_id(letter), GlyphId(0), "{letter}");
        }
    }

    #[test]
    fn cleaning() {
        assert_eq!(clean("  a\tb\r\nc\u{202E}d\u{200B}\u{FEFF} "), "a b  cd");
        assert_eq!(clean("שלום עולם é"), "שלום עולם é");
    }
}
