//! How a picture looks apart from its data: its size and its inks.

use super::color::Color;
use super::error::DrawError;

/// The size and the colours of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pixels of the picture per pixel of the design: 2 draws type and lines twice as large, for
    /// dense screens and print.
    pub scale: f64,
    /// Light or dark.
    pub theme: Theme,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 1200, height: 600, scale: 1.0, theme: Theme::Light }
    }
}

impl Style {
    /// A picture of so many inches at so many dots an inch; 100 dots an inch is scale 1.
    #[must_use]
    pub fn inches(width: f64, height: f64, dpi: f64, theme: Theme) -> Self {
        Self { width: (width * dpi).round() as u32, height: (height * dpi).round() as u32, scale: dpi / 100.0, theme }
    }

    /// The size in pixels of the design, or why this style cannot be drawn.
    pub(super) fn design_size(&self) -> Result<(f64, f64), DrawError> {
        if !(0.1..=10.0).contains(&self.scale) {
            return Err(DrawError::Scale(self.scale));
        }
        let (width, height) = (f64::from(self.width) / self.scale, f64::from(self.height) / self.scale);
        if width < 240.0 || height < 160.0 || self.width > 16_384 || self.height > 16_384 {
            return Err(DrawError::Size { width: self.width, height: self.height });
        }
        Ok((width, height))
    }
}

/// The set of inks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

impl Theme {
    /// The paper.
    #[must_use]
    pub fn background(self) -> Color {
        self.pick(0xFF_FF_FF, 0x14_18_1F)
    }

    /// The heading.
    #[must_use]
    pub fn heading(self) -> Color {
        self.pick(0x1B_22_2C, 0xEC_F0_F5)
    }

    /// Names in the legend and of the axes.
    #[must_use]
    pub fn ink(self) -> Color {
        self.pick(0x3B_45_53, 0xC5_CE_DA)
    }

    /// Numbers on the axes and the caption.
    #[must_use]
    pub fn faint_ink(self) -> Color {
        self.pick(0x66_71_80, 0x8D_98_A7)
    }

    /// The lines behind the data.
    #[must_use]
    pub fn grid(self) -> Color {
        self.pick(0xE9_EC_F0, 0x26_2D_37)
    }

    /// The line under the data.
    #[must_use]
    pub fn axis(self) -> Color {
        self.pick(0xA8_B1_BD, 0x5A_66_75)
    }

    /// The colour, moved towards the heading's ink until it stands out from the paper. On white a
    /// contrast of 2 : 1 by WCAG's formula must do: its 3 : 1 would take the light ones of the
    /// palette out of recognition. On black there is room for it.
    pub(super) fn visible(self, color: Color) -> Color {
        let (paper, ink) = (self.background(), self.heading());
        let enough = match self {
            Self::Light => 2.0,
            Self::Dark => 3.0,
        };
        let steps = (0..=20).map(|step| color.mix(ink, f64::from(step) / 20.0));
        steps.into_iter().find(|candidate| candidate.contrast(paper) >= enough).unwrap_or(ink)
    }

    /// How opaque the dots behind a curve are.
    pub(super) fn dot_opacity(self) -> f64 {
        match self {
            Self::Light => 0.32,
            Self::Dark => 0.42,
        }
    }

    /// How opaque the band between least and greatest is.
    pub(super) fn band_opacity(self) -> f64 {
        match self {
            Self::Light => 0.16,
            Self::Dark => 0.22,
        }
    }

    /// How opaque a marked stretch of time is.
    pub(super) fn shade_opacity(self) -> f64 {
        match self {
            Self::Light => 0.10,
            Self::Dark => 0.18,
        }
    }

    /// The colour of a share, 0 to 1, of a scale from faint to strong: one hue, so that it reads the same with any colour vision.
    pub(super) fn heat(self, share: f64) -> Color {
        let stops = match self {
            Self::Light => [0xDE_EB_F7, 0x6B_AE_D6, 0x08_51_9C, 0x08_1D_3F],
            Self::Dark => [0x1F_34_4A, 0x2B_6C_A8, 0x6F_BC_EA, 0xF1_F8_FF],
        };
        let place = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let below = (place as usize).min(stops.len() - 2);
        Color::from_rgb(stops[below]).mix(Color::from_rgb(stops[below + 1]), place - below as f64)
    }

    fn pick(self, light: u32, dark: u32) -> Color {
        Color::from_rgb(match self {
            Self::Light => light,
            Self::Dark => dark,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_vanishes_in_the_paper_and_clear_ones_stay() {
        for theme in [Theme::Light, Theme::Dark] {
            for name in Color::names() {
                let seen = theme.visible(name.parse().expect("a name of the list"));
                assert!(seen.contrast(theme.background()) >= 2.0, "{name} on {theme:?}");
            }
        }
        let green = Color::from_rgb(0x00_9E_73);
        assert_eq!(Theme::Light.visible(green), green);
        assert_eq!(Theme::Dark.visible(green), green);
    }

    #[test]
    fn inches_keep_the_look_at_any_density() {
        let style = Style::inches(12.0, 6.0, 150.0, Theme::Light);
        assert_eq!((style.width, style.height), (1800, 900));
        assert_eq!(style.design_size(), Ok((1200.0, 600.0)));
        assert_eq!(Style::inches(12.0, 6.0, 100.0, Theme::Light), Style::default());
    }
}
