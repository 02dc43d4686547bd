//! When rules fired, drawn in characters: a row a rule, time from left to right, a block where it fired.

use std::time::Duration;

use monitor_core::store::Window;
use monitor_core::{Timestamp, Zone};

use crate::table::{shortened, table};

/// More rows than this nobody looks at.
const ROWS: usize = 50;
/// Columns where there is no terminal.
const COLUMNS: usize = 80;
/// Lengths of time between two marks of the axis, in seconds.
const STEPS: [u64; 22] = [
    1,
    5,
    10,
    30,
    60,
    120,
    300,
    600,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    86_400,
    172_800,
    604_800,
    2_592_000,
    7_776_000,
    31_536_000,
    157_680_000,
    788_400_000,
];

/// What stands before the blocks, and from when to when there are any.
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    pub(super) spans: Vec<(Timestamp, Timestamp)>,
}

/// Draws rows that all have as many cells, in as many columns as the terminal has.
pub(super) fn chart(rows: Vec<Row>, over: Window, zone: &Zone) -> String {
    let columns = terminal_size::terminal_size_of(std::io::stdout()).map_or(COLUMNS, |(width, _)| usize::from(width.0));
    draw(rows, over, zone, columns)
}

fn draw(mut rows: Vec<Row>, over: Window, zone: &Zone, columns: usize) -> String {
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let longest = (columns / 3).clamp(10, 60);
    for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
        *cell = shortened(cell, longest);
    }
    let count = rows.first().map_or(0, |row| row.cells.len());
    let widths = (0..count).map(|at| rows.iter().map(|row| row.cells[at].chars().count()).max().unwrap_or(0) + 2);
    // Before the first cell there is one more.
    let cells = columns.saturating_sub(widths.sum::<usize>() + 3).max(20);
    let axis = axis(over, zone, cells);
    let mut head = vec![""; count];
    head.push(&axis);
    let drawn = rows.into_iter().map(|mut row| {
        row.cells.push(blocks(&row.spans, over, cells));
        row.cells
    });
    let mut out = table(&head, 0..0, drawn);
    out.push('\n');
    if more > 0 {
        out.push_str(&format!("  and {more} more\n"));
    }
    out
}

/// A block for each part of the time in which there was one.
fn blocks(spans: &[(Timestamp, Timestamp)], over: Window, cells: usize) -> String {
    let mut filled = vec![false; cells];
    for (from, to) in spans {
        let (from, to) = (cell(*from, over, cells), cell(*to, over, cells));
        filled[from.min(to)..=to].fill(true);
    }
    filled.into_iter().map(|filled| if filled { '█' } else { '·' }).collect()
}

/// The part of the time that a moment lies in.
fn cell(moment: Timestamp, over: Window, cells: usize) -> usize {
    let length = over.end.since(over.start).as_micros().max(1);
    let at = moment.since(over.start).as_micros() * cells as u128 / length;
    usize::try_from(at).unwrap_or(cells).min(cells - 1)
}

/// Whole times of the zone, where they belong.
fn axis(over: Window, zone: &Zone, cells: usize) -> String {
    let length = over.end.since(over.start);
    let label = |step: u64, at: Timestamp| {
        let form = match step {
            86_400.. => "%Y-%m-%d",
            _ if length > Duration::from_secs(86_400) => "%m-%d %H:%M",
            60.. => "%H:%M",
            _ => "%H:%M:%S",
        };
        at.to_local(zone).format(form).to_string()
    };
    let fits = |step: &u64| {
        let room = u128::from(*step) * 1_000_000 * cells as u128 / length.as_micros().max(1);
        room >= label(*step, over.start).len() as u128 + 2
    };
    let step = STEPS.into_iter().find(fits).unwrap_or(STEPS[STEPS.len() - 1]);
    let mut axis = " ".repeat(cells);
    let mut free = 0;
    let mut mark = first_mark(over.start, zone, step);
    while mark <= over.end {
        let (at, text) = (cell(mark, over, cells), label(step, mark));
        if at >= free && at + text.len() <= cells {
            axis.replace_range(at..at + text.len(), &text);
            free = at + text.len() + 2;
        }
        mark = mark.plus(Duration::from_secs(step));
    }
    axis
}

/// The first whole step of the zone at or after `start`.
fn first_mark(start: Timestamp, zone: &Zone, step: u64) -> Timestamp {
    let offset = i64::from(zone.offset_seconds(start.to_utc())) * 1_000_000;
    let step = i64::try_from(step).expect("steps are short") * 1_000_000;
    let local = start.as_micros() + offset;
    Timestamp::from_micros((local + step - 1).div_euclid(step) * step - offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(1_777_903_200 + minute * 60)
    }

    fn over(minutes: i64) -> Window {
        Window { start: at(0), end: at(minutes) }
    }

    fn row(name: &str, spans: &[(i64, i64)]) -> Row {
        let spans = spans.iter().map(|(from, to)| (at(*from), at(*to))).collect();
        Row { cells: vec![name.to_owned()], spans }
    }

    #[test]
    fn a_block_where_a_rule_fired() {
        let rows = vec![row("first", &[(0, 3), (28, 30)]), row("a rule of a long name", &[(10, 10)])];
        insta::assert_snapshot!(draw(rows, over(30), &Zone::UTC, 45), @r"
                         14:00   14:10   14:20
        first            ███····················██
        a rule of a lo…  ········█················
        ");
    }

    #[test]
    fn marks_are_whole_times_of_the_zone() {
        let zone: Zone = "Asia/Kolkata".parse().expect("a zone");
        for (minutes, marks) in [
            (1, vec!["19:30:00", "19:30:10", "19:30:20", "19:30:30", "19:30:40", "19:30:50"]),
            (600, vec!["20:00", "21:00", "22:00", "23:00", "00:00", "01:00", "02:00", "03:00", "04:00"]),
            (5_000, vec!["2026-05-05", "2026-05-06", "2026-05-07"]),
            (50_000, vec!["2026-05-07", "2026-05-14", "2026-05-21", "2026-05-28", "2026-06-04"]),
        ] {
            let axis = axis(over(minutes), &zone, 72);
            let found: Vec<&str> = axis.split("  ").map(str::trim).filter(|mark| !mark.is_empty()).collect();
            assert_eq!(found, marks, "{minutes} minutes");
        }
    }

    #[test]
    fn no_more_rows_than_somebody_looks_at() {
        let rows = (0..1_000).map(|rule| row(&format!("rule_{rule}"), &[(0, 1)])).collect();
        let drawn = draw(rows, over(0), &Zone::UTC, 10);
        assert!(drawn.ends_with("  and 950 more\n") && drawn.lines().count() == 52, "{drawn}");
    }
}
