//! The legend: names in rows above the plot, where they can cover no data.

use super::plots::{Key, Mark};
use super::text::{self, clean};

/// The size of the legend's type, the height of a row, and the width of the stroke or field in front of a name.
pub(super) const TYPE: f64 = 12.5;
pub(super) const ROW: f64 = 20.0;
pub(super) const STROKE: f64 = 18.0;
pub(super) const FIELD: f64 = 12.0;

const MARK_GAP: f64 = 7.0;
const ENTRY_GAP: f64 = 22.0;

/// A name in the legend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// From the left edge of the legend to the stroke.
    pub(super) x: f64,
    /// The row, from the top.
    pub(super) row: usize,
    /// What stands before the name.
    pub(super) mark: Mark,
    /// The name, shortened where it has to be.
    pub(super) label: String,
}

impl Mark {
    fn width(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Stroke(_) => STROKE + MARK_GAP,
            Self::Field(_) => FIELD + MARK_GAP,
        }
    }
}

impl Entry {
    /// From the left edge of the legend to the name.
    pub(super) fn text_x(&self) -> f64 {
        self.x + self.mark.width()
    }
}

/// The names in rows no wider than `room`; what `most_rows` do not hold becomes "+ 12 more".
pub(super) fn legend(keys: &[Key], room: f64, most_rows: usize) -> Vec<Entry> {
    let named: Vec<_> =
        keys.iter().map(|key| (clean(&key.label), key.mark)).filter(|(label, _)| !label.is_empty()).collect();
    // A lone name may use the whole width; among many, one must not push the others out.
    let widest = if named.len() == 1 { room } else { (room / 2.0).min(320.0).max(room / 4.0) };
    let remark_room = text::width("+ 99,999 more", TYPE);
    let (mut entries, mut x, mut row) = (Vec::new(), 0.0, 0);
    for (index, (name, mark)) in named.iter().enumerate() {
        let label = text::fit(name, TYPE, widest - mark.width());
        let width = mark.width() + text::width(&label, TYPE);
        let is_last = index + 1 == named.len();
        let reserve = if row + 1 >= most_rows && !is_last { remark_room + ENTRY_GAP } else { 0.0 };
        if x > 0.0 && x + width + reserve > room {
            if row + 1 >= most_rows {
                let label = format!("+ {} more", named.len() - index);
                entries.push(Entry { x, row, mark: Mark::None, label });
                break;
            }
            (x, row) = (0.0, row + 1);
        }
        entries.push(Entry { x, row, mark: *mark, label });
        x += width + ENTRY_GAP;
    }
    entries
}

/// How many rows there are.
pub(super) fn rows(entries: &[Entry]) -> usize {
    entries.last().map_or(0, |entry| entry.row + 1)
}

#[cfg(test)]
mod tests {
    use super::super::color::Color;
    use super::*;

    fn keys(count: usize, label: &str) -> Vec<Key> {
        (0..count)
            .map(|index| Key { label: format!("{label} {index}"), mark: Mark::Stroke(Color::palette(index)) })
            .collect()
    }

    #[test]
    fn thirty_names_fit_the_rows_or_are_counted() {
        let entries = legend(&keys(30, "a model's name"), 1_100.0, 3);
        assert_eq!(rows(&entries), 3);
        let shown = entries.iter().filter(|entry| entry.mark != Mark::None).count();
        assert_eq!(entries.last().expect("a remark").label, format!("+ {} more", 30 - shown));
        for entry in &entries {
            assert!(entry.text_x() + text::width(&entry.label, TYPE) <= 1_100.0, "{entry:?}");
        }
    }

    #[test]
    fn a_long_name_is_shortened_and_no_name_is_no_entry() {
        let entries = legend(&keys(2, &"x".repeat(300)), 1_100.0, 3);
        assert!(entries.iter().all(|entry| entry.label.ends_with('…')));
        assert!(legend(&[Key { label: " ".into(), mark: Mark::None }], 1_100.0, 3).is_empty());
    }
}
