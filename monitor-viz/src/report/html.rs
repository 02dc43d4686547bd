//! From a page to its file. The template escapes whatever it shows; nothing in the file can reach a network: its policy forbids it.

use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use super::ReportTheme;
use super::page::{Block, Page};
use crate::draw::{Color, Theme};

const TEMPLATE: &str = include_str!("assets/report.html");
const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/report.js");

/// What the policy knows the script by: no other runs, whatever a label says. A test holds it against the script.
const SCRIPT_HASH: &str = "sha256-w7Gs7r7FT1IvPwkx1G5TpT+NY18xbYRZaSNoEiGg1rA=";

/// Shows what is text as text: markup is escaped, and marks that no reader sees become visible.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, _, value| {
        if value.is_safe() {
            return Ok(write!(out, "{value}")?);
        }
        match value.as_str() {
            Some(text) => escape(out, text),
            None => write!(out, "{value}"),
        }?;
        Ok(())
    });
    environment.add_filter("safe", |text: String| Value::from_safe_string(text));
    environment.add_filter("default", |value: Value, other: Value| if value.is_undefined() { other } else { value });
    environment.add_test("defined", |value: Value| !value.is_undefined());
    environment.add_test("none", |value: Value| value.is_none());
    environment.add_template("report.html", TEMPLATE).expect("the template is tried by tests");
    environment
});

/// The whole file.
pub(super) fn html(page: &Page, theme: ReportTheme) -> String {
    let (theme_name, color_scheme) = match theme {
        ReportTheme::Auto => ("auto", "light dark"),
        ReportTheme::Light => ("light", "light"),
        ReportTheme::Dark => ("dark", "dark"),
    };
    let template = ENVIRONMENT.get_template("report.html").expect("it was added");
    let values = context! {
        page => Value::from(Serde(page)),
        theme => theme_name,
        // Rows of one length, if there can be.
        tiles => if page.tiles.len().is_multiple_of(3) { 3 } else { 4 },
        color_scheme,
        style => format!("{STYLE}{}", dark(theme)),
        script => SCRIPT,
        script_hash => SCRIPT_HASH,
    };
    template.render(values).expect("the template knows all that a page holds")
}

/// Inks for light paper, and for dark.
const INKS: [(&str, &str); 13] = [
    ("--page", "#0d1015"),
    ("--paper", "#14181f"),
    ("--heading", "#ecf0f5"),
    ("--ink", "#c5ceda"),
    ("--faint", "#97a2b1"),
    ("--line", "#262d37"),
    ("--accent", "#56b4e9"),
    ("--good", "#3ec296"),
    ("--bad", "#ff8a50"),
    ("--warning", "#e6b04d"),
    ("--wash", "#1b212a"),
    ("--bar", "#1d3a50"),
    ("--info-span", "#7f8a98"),
];

/// The rules for a dark page: its own inks, and those of the charts by the ones that they were drawn with.
fn dark(theme: ReportTheme) -> String {
    if theme == ReportTheme::Light {
        return String::new();
    }
    let inks: String = INKS.iter().map(|(name, ink)| format!("{name}:{ink};")).collect();
    let [light, night] = [Theme::Light, Theme::Dark];
    let pairs = [
        (light.background(), night.background()),
        (light.heading(), night.heading()),
        (light.ink(), night.ink()),
        (light.faint_ink(), night.faint_ink()),
        (light.grid(), night.grid()),
        (light.axis(), night.axis()),
    ];
    let plain = ["blue", "gray", "green", "orange", "red", "skyblue", "vermillion"];
    let named = plain.iter().filter_map(|name| name.parse::<Color>().ok());
    let series = (0..10).map(Color::palette).chain(named).map(|color| (color, lighter(color)));
    let by_name: std::collections::BTreeMap<String, Color> =
        series.map(|(color, to)| (color.to_string(), to)).collect();
    let mut charts: String = pairs.iter().map(|(light, night)| recolor(&light.to_string(), *night)).collect();
    charts.extend(by_name.iter().map(|(color, to)| recolor(color, *to)));
    let rules = format!(":root{{{inks}}}\n{charts}");
    match theme {
        ReportTheme::Auto => format!("@media screen and (prefers-color-scheme: dark) {{\n{rules}}}\n"),
        _ => format!("@media screen {{\n{rules}}}\n"),
    }
}

/// A series on dark paper: a third of the way to white.
fn lighter(color: Color) -> Color {
    let third = |channel: u8| channel + (u8::MAX - channel) / 3;
    Color { red: third(color.red), green: third(color.green), blue: third(color.blue) }
}

fn recolor(from: &str, to: Color) -> String {
    ["fill", "stroke"].iter().map(|what| format!(".plot [{what}=\"{from}\"]{{{what}:{to}}}\n")).collect()
}

/// As text in HTML, also inside of quotes.
fn escape(out: &mut minijinja::Output<'_>, text: &str) -> std::fmt::Result {
    use std::fmt::Write as _;
    for letter in text.chars() {
        match letter {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            '\n' | '\t' => out.write_char(letter)?,
            // They would turn around what stands beside them, or are not there at all.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.write_char('\u{fffd}')?,
            _ if letter.is_control() => out.write_char('\u{fffd}')?,
            _ => out.write_char(letter)?,
        }
    }
    Ok(())
}

/// The page for a terminal: heading, tiles, and what sections come to.
pub(super) fn text(page: &Page) -> String {
    let clean = |text: &str| {
        text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect::<String>()
    };
    let mut out = format!("{}\n{}\n\n", clean(&page.title), clean(&page.about));
    let names = page.tiles.iter().map(|tile| tile.name.chars().count()).max().unwrap_or_default();
    let texts = page.tiles.iter().map(|tile| tile.text.chars().count()).max().unwrap_or_default();
    for tile in &page.tiles {
        let line = format!("  {:names$}  {:>texts$}  {}", tile.name, clean(&tile.text), clean(&tile.note));
        out += line.trim_end();
        out.push('\n');
    }
    let leads = page.sections.iter().filter(|section| !section.lead.is_empty());
    for section in leads {
        out += &format!("\n{}: {}", section.title, clean(&section.lead));
        // Of a comparison, what differs.
        let quotes = section
            .blocks
            .iter()
            .filter_map(|block| if let Block::Quotes { quotes, .. } = block { Some(quotes) } else { None });
        for (text, about) in quotes.flatten().flat_map(|quote| &quote.texts).filter(|_| section.id == "summary") {
            out += &format!("\n  {}, {}", clean(text), clean(about));
        }
    }
    out.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::report::page::{Cell, Quote, Section, Span, Table, Tile, Timeline, TimelineLine};

    #[test]
    fn the_policy_knows_the_script() {
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT));
        assert_eq!(SCRIPT_HASH, format!("sha256-{hash}"));
        assert!(!SCRIPT.contains("</script"), "it would end there");
    }

    /// Wherever a text can come from outside, it is shown as it is.
    #[test]
    fn markup_is_text_everywhere() {
        let evil = "</style></script><b onclick='x' title=\"y\">{{ 7 * 7 }}\u{202e}&".to_owned();
        let text = || evil.clone();
        let mut table = Table::new(text(), &["#n"]);
        table.note = text();
        table.rows = vec![vec![Cell::text(text())]];
        let span = Span { left: 0.0, width: 1.0, level: "error".to_owned(), text: text() };
        let line = TimelineLine { name: text(), spans: vec![span] };
        let timeline = Timeline { caption: text(), lines: vec![line], ticks: vec![(text(), 0.0)] };
        let quotes = vec![Quote { title: text(), texts: vec![(text(), text())], note: text() }];
        let blocks = vec![
            Block::Table(table),
            Block::Timeline(timeline),
            Block::Quotes { title: text(), quotes },
            Block::Note { text: text() },
        ];
        let page = Page {
            title: text(),
            about: text(),
            tiles: vec![Tile { name: text(), text: text(), note: text(), ..Tile::default() }],
            sections: vec![Section { id: "one", title: text(), lead: text(), blocks }],
            foot: vec![text()],
            ..Page::default()
        };
        for theme in [ReportTheme::Auto, ReportTheme::Light, ReportTheme::Dark] {
            let html = html(&page, theme);
            let shown = "&lt;/style&gt;&lt;/script&gt;&lt;b onclick=&#39;x&#39; title=&quot;y&quot;&gt;{{ 7 * 7 }}\u{fffd}&amp;";
            assert_eq!(html.matches(shown).count(), 25, "{html}");
            assert!(!html.contains("<b onclick"));
        }
    }
}
