//! How it may look: colours, and characters beyond ASCII. Colours are those of the terminal's own palette, so that they suit its
//! background; nothing is told by a colour alone, and none stands for good, so that red and green need not be told apart.

use monitor_core::Level;
use ratatui::style::{Color, Modifier, Style};

/// How it may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether there are colours; else only bold, dim and reversed.
    pub colour: bool,
    /// Whether there are characters beyond ASCII.
    pub unicode: bool,
}

impl Look {
    /// Without colours.
    pub const PLAIN: Self = Self { colour: false, unicode: true };

    /// As the environment has it: `NO_COLOR` (<https://no-color.org>), and the first that is set of `LC_ALL`, `LC_CTYPE` and
    /// `LANG`, as POSIX has it: without one it is ASCII.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
        let locale = locale.to_lowercase().replace('-', "");
        Self { colour: set("NO_COLOR").is_none(), unicode: locale.contains("utf8") }
    }

    fn coloured(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// What is asked for most: a number in large, as far as a terminal has that.
    #[expect(clippy::unused_self, reason = "it is asked for like the others")]
    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What only explains.
    #[expect(clippy::unused_self, reason = "it is asked for like the others")]
    pub(super) fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What can be changed by a key, and how things went.
    pub(super) fn accent(self) -> Style {
        self.coloured(Color::Cyan)
    }

    /// What somebody should look at.
    pub(super) fn warning(self) -> Style {
        self.coloured(Color::Yellow)
    }

    /// What has failed.
    pub(super) fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// How grave something is.
    pub(super) fn level(self, level: Level) -> Style {
        match level {
            Level::Debug | Level::Info => self.accent(),
            Level::Warning => self.warning().add_modifier(Modifier::BOLD),
            Level::Error => self.bad(),
            Level::Critical => self.bad().add_modifier(Modifier::REVERSED),
        }
    }
}

/// What stands in ASCII for a character that is not: of those that the view is made of, and a question mark for all others.
pub(super) fn ascii(c: char) -> char {
    match c {
        ' '..='~' => c,
        '▁' => '.',
        '▂' => ':',
        '▃' | '–' | '─' | '▋'..='▏' => '-',
        '▄' => '=',
        '▅' => '+',
        '▆' | '●' => '*',
        '▇' => '%',
        '█' | '■' | '▉' | '▊' => '#',
        '▲' => '!',
        '△' | '…' => '~',
        '▼' => '>',
        '·' => '|',
        '↑' => '^',
        '↓' => 'v',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_environment_has_it() {
        let of = |set: &[(&str, &str)]| {
            Look::of(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        let utf8 = |set: &[(&str, &str)]| of(set).unicode;
        assert!(utf8(&[("LANG", "de_DE.UTF-8")]) && utf8(&[("LC_ALL", "C.utf8"), ("LANG", "C")]));
        assert!(utf8(&[("LC_ALL", ""), ("LC_CTYPE", "en_GB.UTF-8"), ("LANG", "POSIX")]));
        assert!(!utf8(&[]) && !utf8(&[("LC_ALL", "POSIX"), ("LANG", "en_GB.UTF-8")]) && !utf8(&[("LANG", "de_DE")]));
        assert!(of(&[]).colour && of(&[("NO_COLOR", "")]).colour && !of(&[("NO_COLOR", "1")]).colour);
    }
}
