//! Colours by name, by `#rrggbb`, and by number for series that have none of their own.
//!
//! The palette is the one of Okabe & Ito, "Color Universal Design" (2008,
//! <https://jfly.uni-koeln.de/color/>), which people with any kind of colour vision can tell apart.
//! Names that it has mean its shades; red, cyan, teal and the like are from Paul Tol's "vibrant" scheme ("Colour
//! Schemes", SRON/EPS/TN/09-002, 2021), made for the same purpose; the few that neither has (brown, purple) are plain shades.

use std::fmt;
use std::str::FromStr;

/// A colour: red, green and blue in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Color {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

/// The names that are understood, besides `#rrggbb`.
const NAMES: [(&str, u32); 17] = [
    ("black", 0x00_00_00),
    ("blue", 0x00_72_B2),
    ("brown", 0x8C_56_4B),
    ("cyan", 0x33_BB_EE),
    ("gray", 0x88_88_88),
    ("green", 0x00_9E_73),
    ("grey", 0x88_88_88),
    ("magenta", 0xEE_33_77),
    ("orange", 0xE6_9F_00),
    ("pink", 0xCC_79_A7),
    ("purple", 0x8E_5B_A6),
    ("red", 0xCC_33_11),
    ("skyblue", 0x56_B4_E9),
    ("teal", 0x00_99_88),
    ("vermillion", 0xD5_5E_00),
    ("white", 0xFF_FF_FF),
    ("yellow", 0xF0_E4_42),
];

/// Okabe & Ito without black, the most distinct ones first.
const PALETTE: [u32; 7] = [0x00_72_B2, 0xD5_5E_00, 0x00_9E_73, 0xCC_79_A7, 0xE6_9F_00, 0x56_B4_E9, 0xF0_E4_42];

impl Color {
    /// The colour of the series with this number. After the palette's seven it starts again in
    /// darker and lighter shades, so that no two of the first 35 are the same.
    #[must_use]
    pub fn palette(index: usize) -> Self {
        let base = Self::from_rgb(PALETTE[index % PALETTE.len()]);
        let (black, white) = (Self::from_rgb(0), Self::from_rgb(0xFF_FF_FF));
        match index / PALETTE.len() % 5 {
            0 => base,
            1 => base.mix(black, 0.35),
            2 => base.mix(white, 0.40),
            3 => base.mix(black, 0.60),
            _ => base.mix(white, 0.20),
        }
    }

    /// The names that [`FromStr`] knows, in order of the alphabet.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// From `0xRRGGBB`.
    pub(super) const fn from_rgb(rgb: u32) -> Self {
        let [_, red, green, blue] = rgb.to_be_bytes();
        Self { red, green, blue }
    }

    /// This colour with `share` (0 to 1) of another one in it.
    pub(super) fn mix(self, other: Self, share: f64) -> Self {
        let blend = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
        Self {
            red: blend(self.red, other.red),
            green: blend(self.green, other.green),
            blue: blend(self.blue, other.blue),
        }
    }

    /// The contrast ratio of WCAG 2.2, from 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl Default for Color {
    fn default() -> Self {
        Self::palette(0)
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02X}{:02X}{:02X}", self.red, self.green, self.blue)
    }
}

impl FromStr for Color {
    type Err = UnknownColor;

    fn from_str(text: &str) -> Result<Self, UnknownColor> {
        let unknown = || UnknownColor(text.to_owned());
        let wanted = text.trim();
        if let Some(digits) = wanted.strip_prefix('#') {
            if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(unknown());
            }
            return u32::from_str_radix(digits, 16).map(Self::from_rgb).map_err(|_| unknown());
        }
        NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, rgb)| Self::from_rgb(*rgb))
            .ok_or_else(unknown)
    }
}

/// A text that names no colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownColor(pub String);

impl fmt::Display for UnknownColor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no colour is called `{}`: write #rrggbb or one of", self.0)?;
        for (index, name) in Color::names().enumerate() {
            write!(f, "{} {name}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownColor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_hex() {
        assert_eq!("green".parse(), Ok(Color::from_rgb(0x00_9E_73)));
        assert_eq!(" Red ".parse(), Ok(Color::from_rgb(0xCC_33_11)));
        assert_eq!("#1f77b4".parse(), Ok(Color { red: 0x1F, green: 0x77, blue: 0xB4 }));
        for name in Color::names() {
            let color: Color = name.parse().expect("a name of the list");
            assert_eq!(color.to_string().parse(), Ok(color), "{name}");
        }
        assert!(Color::names().is_sorted());
    }

    #[test]
    fn what_is_no_color_is_told_the_names() {
        for text in ["", "gren", "#12345", "#1234567", "#12345g", "#+12345", "123456", "#ääb"] {
            let error = text.parse::<Color>().expect_err(text);
            assert_eq!(error, UnknownColor(text.to_owned()));
        }
        let message = UnknownColor("gren".to_owned()).to_string();
        assert!(message.starts_with("no colour is called `gren`: write #rrggbb or one of black, blue, "), "{message}");
    }

    #[test]
    fn the_first_35_of_the_palette_differ() {
        let seen: std::collections::HashSet<_> = (0..35).map(Color::palette).collect();
        assert_eq!(seen.len(), 35);
        assert_eq!(Color::palette(usize::MAX), Color::palette(usize::MAX));
    }

    #[test]
    fn contrast_is_of_wcag() {
        let (black, white) = (Color::from_rgb(0), Color::from_rgb(0xFF_FF_FF));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        assert!((Color::from_rgb(0x77_77_77).contrast(white) - 4.48).abs() < 0.01);
    }
}
