//! A chart on the terminal: as a picture where it shows pictures, else in characters.

use std::io::{IsTerminal, Write};

use monitor_core::config::ThemeSetting;
use monitor_viz::draw::{self, Figure, Screen, Style, Theme};

use super::inline::{self, Protocol};
use super::undrawn;
use crate::args::{Inline, PlotArgs};
use crate::exit::{Failure, Outcome};

/// Columns and rows, where there is no terminal.
const SIZE: (u16, u16) = (80, 24);
/// A chart of more columns is no clearer.
const WIDEST: u16 = 160;
/// Pixels of a cell of a terminal, about.
const CELL: (u32, u32) = (8, 16);

/// Shows the figure.
pub(super) fn show(figure: &Figure, args: &PlotArgs) -> Outcome {
    if args.open {
        return Err(Failure::Usage("--open shows a file: add --out FILE".to_owned()));
    }
    let mut out = std::io::stdout();
    let is_terminal = out.is_terminal();
    let variable = |name: &str| std::env::var(name).ok();
    let (columns, rows) = match terminal_size::terminal_size_of(&out) {
        Some((columns, rows)) => (columns.0.min(WIDEST), rows.0),
        None => SIZE,
    };
    let theme = match args.theme {
        Some(ThemeSetting::Light) => Theme::Light,
        None if is_light(variable("COLORFGBG").as_deref()) => Theme::Light,
        Some(ThemeSetting::Dark) | None => Theme::Dark,
    };
    let protocol = match args.inline {
        Inline::Auto if is_terminal => inline::protocol(variable, inline::answers_sixel),
        Inline::Auto | Inline::Text => None,
        Inline::Kitty => Some(Protocol::Kitty),
        Inline::Iterm => Some(Protocol::Iterm),
        Inline::Sixel => Some(Protocol::Sixel),
    };
    let text = match protocol {
        None => {
            let screen = Screen {
                columns,
                // A third of a high terminal is left to what stands above.
                rows: rows.saturating_sub(1).clamp(12, 30),
                theme,
                colors: is_terminal && variable("NO_COLOR").is_none_or(|value| value.is_empty()),
                unicode: is_utf8(variable),
            };
            draw::terminal(figure, &screen).map_err(|error| undrawn(&error))?
        }
        Some(protocol) => {
            // Where the terminal scales the picture, it is sharp on dense screens, too.
            let scale = if protocol == Protocol::Sixel { 1 } else { 2 };
            let (width, height) = (u32::from(columns) * CELL.0, u32::from(columns) * CELL.0 / 2);
            let style = Style { width: width * scale, height: height * scale, scale: f64::from(scale), theme };
            let png = || draw::png(figure, &style).map_err(|error| undrawn(&error));
            let picture = match protocol {
                Protocol::Kitty => inline::kitty(&png()?, columns),
                Protocol::Iterm => inline::iterm(&png()?, columns),
                Protocol::Sixel => {
                    let pixels = draw::pixels(figure, &style).map_err(|error| undrawn(&error))?;
                    inline::sixel(&pixels, (style.width, style.height)).map_err(|error| undrawn(&error))?
                }
            };
            picture + "\n"
        }
    };
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// Whether a terminal says that its paper is light: the last number is the colour of the background, 7 or 15 are white (rxvt).
fn is_light(colors: Option<&str>) -> bool {
    colors.and_then(|colors| colors.rsplit(';').next()).is_some_and(|paper| matches!(paper, "7" | "15"))
}

/// Whether text is UTF-8 here: the first of these that is set decides (POSIX, "Internationalization Variables").
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_and_letters_of_terminals() {
        assert!(is_light(Some("0;15")) && is_light(Some("0;default;7")));
        assert!(!is_light(Some("15;0")) && !is_light(None));
        let of = |set: &'static [(&'static str, &'static str)]| {
            is_utf8(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(of(&[]) && of(&[("LANG", "de_DE.UTF-8")]) && of(&[("LC_ALL", ""), ("LANG", "C.utf8")]));
        assert!(!of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]) && !of(&[("LANG", "POSIX")]));
    }
}
