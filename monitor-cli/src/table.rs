//! Tables for people.

use std::ops::RangeBounds;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
pub(crate) use monitor_sinks::stdout::clean;

/// Characters of a name in a table at most, where there is room for more: labels can be long.
const LONGEST_NAME: usize = 60;

/// A table without lines; the columns of `numbers` stand right.
pub(crate) fn table(
    head: &[&str],
    numbers: impl RangeBounds<usize>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    columns(head, |at| numbers.contains(&at), rows)
}

/// The same, with the columns that are numbers anywhere.
pub(crate) fn columns(
    head: &[&str],
    is_number: impl Fn(usize) -> bool,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head.to_vec());
    for row in rows {
        table.add_row(row.into_iter().map(|cell| clean(&cell)).collect::<Vec<_>>());
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if at == 0 { 2 } else { 1 }, 1));
        if is_number(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A name as a cell, cut if it is long.
pub(crate) fn name(text: &str) -> String {
    shortened(text, LONGEST_NAME)
}

/// At most so many characters of a text as it is shown, the last one telling that there are more.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= longest {
        return text;
    }
    text.chars().take(longest - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_as_it_is_shown() {
        assert_eq!(name(&"ä".repeat(60)), "ä".repeat(60));
        assert_eq!(name(&"ä".repeat(61)), format!("{}…", "ä".repeat(59)));
        assert_eq!(shortened("a\u{202e}bcdefgh", 10), "a\\u{202e}…");
    }
}
