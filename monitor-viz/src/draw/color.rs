//! Colours by name, by `#rrggbb`, and by number for series that have none of their own.
//!
//! The palette begins with that of Okabe & Ito, "Color Universal Design" (2008,
//! <https://jfly.uni-koeln.de/color/>), which people with any kind of colour vision can tell apart, but for its yellow, which
//! white paper swallows. The other six were searched for: of many they are furthest from those and from each other, for
//! normal, red-blind and green-blind eyes and on either paper. A test measures it.
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

/// The most distinct ones first.
const PALETTE: [u32; 12] = [
    0x00_72_B2, 0xD5_5E_00, 0x00_9E_73, 0xCC_79_A7, 0xE6_9F_00, 0x56_B4_E9, 0x33_33_FF, 0x33_66_66, 0x99_33_00,
    0x00_CC_99, 0xCC_00_99, 0x99_CC_66,
];

impl Color {
    /// The colour of the series with this number. After the palette's twelve it starts again in
    /// darker and lighter shades, so that no two of the first 60 are the same.
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

    /// The colour of what stands for many.
    #[must_use]
    pub const fn grey() -> Self {
        Self::from_rgb(0x88_88_88)
    }

    /// The colour of times that are marked because something was wrong.
    #[must_use]
    pub const fn alarm() -> Self {
        Self::from_rgb(0xCC_33_11)
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
    fn the_first_60_of_the_palette_differ() {
        let seen: std::collections::HashSet<_> = (0..60).map(Color::palette).collect();
        assert_eq!(seen.len(), 60);
        assert_eq!(Color::palette(usize::MAX), Color::palette(usize::MAX));
    }

    /// As an eye of some kind sees it: the matrices of Machado, Oliveira and Fernandes, "A Physiologically-based Model for
    /// Simulation of Color Vision Deficiency" (IEEE TVCG 15, 2009), for severity 1; then Oklab (Ottosson, 2020,
    /// <https://bottosson.github.io/posts/oklab/>), a hundred from black to white.
    fn seen(color: Color, eye: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = [color.red, color.green, color.blue].map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        let times = |rows: [[f64; 3]; 3], vector: [f64; 3]| {
            rows.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum::<f64>())
        };
        let cones = times(
            [
                [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
                [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
                [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
            ],
            times(eye, linear).map(|channel| channel.clamp(0.0, 1.0)),
        );
        let lab = times(
            [
                [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
                [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
                [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
            ],
            cones.map(f64::cbrt),
        );
        lab.map(|part| part * 100.0)
    }

    #[test]
    fn every_eye_tells_twelve_colors_apart_on_either_paper_and_nine_clearly() {
        let eyes = [
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
            [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
        ];
        for theme in [crate::draw::Theme::Light, crate::draw::Theme::Dark] {
            for eye in eyes {
                let inks: Vec<_> = (0..12).map(|index| seen(theme.visible(Color::palette(index)), eye)).collect();
                for (at, one) in inks.iter().enumerate() {
                    for (before, other) in inks[..at].iter().enumerate() {
                        let apart = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                        // The eye sees a difference of two.
                        let least = if at < 9 { 7.0 } else { 5.0 };
                        assert!(apart >= least, "{before} and {at} on {theme:?}: {apart}");
                    }
                }
            }
        }
    }

    #[test]
    fn contrast_is_of_wcag() {
        let (black, white) = (Color::from_rgb(0), Color::from_rgb(0xFF_FF_FF));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        assert!((Color::from_rgb(0x77_77_77).contrast(white) - 4.48).abs() < 0.01);
    }
}
