//! What a page holds, whatever it is about: tiles, then sections of charts, tables and words. The template shows it, and as JSON it
//! is the figures of the report.

use serde::Serialize;

/// A whole page.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// Seconds that its times are east of UTC.
    pub(crate) offset: i32,
    /// What it is about, in a line.
    pub(crate) about: String,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) sections: Vec<Section>,
    /// Who made it, and how to read it.
    pub(crate) foot: Vec<String>,
}

/// One number that matters.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tile {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) value: Option<f64>,
    /// What belongs to it.
    pub(crate) note: String,
    /// `good`, `bad`, or nothing.
    pub(crate) mood: &'static str,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Section {
    /// The anchor.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What it comes to, in a sentence; may be empty.
    pub(crate) lead: String,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Block {
    /// Pictures beside each other.
    Charts {
        charts: Vec<Chart>,
    },
    Table(Table),
    Timeline(Timeline),
    /// Texts with a heading each, as errors are quoted.
    Quotes {
        title: String,
        quotes: Vec<Quote>,
    },
    Note {
        text: String,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) svg: String,
    /// Whether it stands alone.
    pub(crate) wide: bool,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What stands below it; may be empty.
    pub(crate) note: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Numbers stand right.
    pub(crate) number: bool,
}

/// A cell: what is read, and what it is sorted by.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) value: Option<f64>,
    /// A part of the whole, drawn behind the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) share: Option<f64>,
    /// The ends of an interval, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interval: Option<[f64; 2]>,
    /// A word about it: `good`, `bad`, `quiet`; may be empty.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) mood: &'static str,
}

/// When rules fired: a line each.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Timeline {
    pub(crate) caption: String,
    pub(crate) lines: Vec<TimelineLine>,
    /// What stands below: the times, and how far right of 100.
    pub(crate) ticks: Vec<(String, f64)>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TimelineLine {
    pub(crate) name: String,
    pub(crate) spans: Vec<Span>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Span {
    /// Of 100.
    pub(crate) left: f64,
    pub(crate) width: f64,
    /// `info`, `warning`, `error` or `critical`.
    pub(crate) level: String,
    /// What it was, from when to when.
    pub(crate) text: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Quote {
    pub(crate) title: String,
    /// Each with what is said of it.
    pub(crate) texts: Vec<(String, String)>,
    pub(crate) note: String,
}

impl Table {
    /// The columns: names, those of numbers with `#` before them.
    pub(crate) fn new(caption: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|name| match name.strip_prefix('#') {
            Some(name) => Column { name: name.to_owned(), number: true },
            None => Column { name: (*name).to_owned(), number: false },
        });
        Self { caption: caption.into(), columns: columns.collect(), ..Self::default() }
    }
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A number that may be missing.
    pub(crate) fn number(value: impl Into<Option<f64>>, text: impl Fn(f64) -> String) -> Self {
        let value = value.into().filter(|value| value.is_finite());
        Self { text: value.map_or_else(|| super::words::NONE.to_owned(), text), value, ..Self::default() }
    }

    pub(crate) fn count(number: u64) -> Self {
        Self { text: super::words::count(number), value: Some(number as f64), ..Self::default() }
    }

    /// A part of a whole, with a bar behind it.
    pub(crate) fn share(part: f64, whole: f64) -> Self {
        let share = if whole > 0.0 { part / whole } else { 0.0 };
        Self { share: Some((share * 1e4).round() / 1e4), ..Self::number(share, super::words::percent) }
    }

    pub(crate) fn mood(self, mood: &'static str) -> Self {
        Self { mood, ..self }
    }
}
