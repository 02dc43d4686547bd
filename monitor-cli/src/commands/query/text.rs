//! The answer for people: a row for every group, with a line of blocks that shows how it went.

use std::collections::HashMap;
use std::time::Duration;

use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Group, Steps, Store, Window};
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp, Zone};

use super::Question;
use super::unit::{Unit, shown};
use crate::commands::times::Asked;
use crate::exit::Failure;
use crate::table::{clean, table};

/// Blocks in the line of one window.
const BLOCKS: u64 = 30;
/// With more windows than this their whole time is shown like one window: a longer line finds no room.
const MOST_BLOCKS: u128 = 60;

/// The statistics of all the time that was asked for, by group, and the line of blocks over its windows. Gives back the
/// groups, too.
pub(super) fn text(store: &Store, question: &Question, asked: &Asked) -> Result<(String, Vec<Group>), Failure> {
    let whole = match asked {
        Asked::One(window) => *window,
        Asked::Many(steps) => span(steps),
    };
    let (steps, every) = match asked {
        Asked::Many(steps) if later_windows(steps) < MOST_BLOCKS => {
            (*steps, format!("every {}", format_duration(steps.step)))
        }
        _ => (cut(whole), format!("in {} steps", blocks(whole))),
    };
    let groups = store.query(&question.query, whole).map_err(super::unanswered)?;
    let ranges = store.range(&question.query, &steps).map_err(super::unanswered)?;
    let trend = question.trend();
    let lines: HashMap<Labels, Vec<Option<f64>>> = ranges
        .into_iter()
        .map(|range| (range.labels, range.windows.iter().map(|(_, stats)| Some(stats.as_ref()?.get(trend))).collect()))
        .collect();

    let zone = &question.zone;
    let length = format_duration(whole.end.since(whole.start));
    let (start, end) = (local(whole.start, zone), local(whole.end, zone));
    let title = format!("{}, {start} to {end} ({length})\n", clean(&question.selector.to_string()));
    if groups.is_empty() {
        return Ok((format!("{title}no samples\n"), groups));
    }
    let over = format!("{trend} {every}");
    let labels = question.by.iter().map(Text::as_str);
    let head: Vec<&str> = labels
        .chain(question.aggregates.iter().map(|aggregate| aggregate.as_str()))
        .chain([over.as_str(), "lowest", "highest"])
        .collect();
    let unit = Unit::of(question.selector.name());
    let rows = groups.iter().map(|group| {
        let labels = question.by.iter().map(|label| group.labels.get(label).map_or("–", |value| value).to_owned());
        let numbers = question.aggregates.iter().map(|name| shown(group.stats.get(*name), *name, unit));
        let line = lines.get(&group.labels).map(Vec::as_slice).unwrap_or_default();
        let (lowest, highest) = extremes(line).map_or_else(
            || ("–".to_owned(), "–".to_owned()),
            |(lowest, highest)| (shown(lowest, trend, unit), shown(highest, trend, unit)),
        );
        labels.chain(numbers).chain([sparkline(line), lowest, highest]).collect()
    });
    let table = table(&head, question.by.len().., rows);
    Ok((format!("{title}\n{table}\n"), groups))
}

/// A moment as the clocks of a zone show it.
pub(in crate::commands) fn local(moment: Timestamp, zone: &Zone) -> String {
    moment.to_local(zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// From the start of the first window to the end of the last.
fn span(steps: &Steps) -> Window {
    let length = u64::try_from(later_windows(steps) * steps.step.as_micros()).unwrap_or(u64::MAX);
    Window { start: steps.start.minus(steps.window), end: steps.start.plus(Duration::from_micros(length)) }
}

/// How many windows come after the first.
fn later_windows(steps: &Steps) -> u128 {
    steps.end.since(steps.start).as_micros() / steps.step.as_micros()
}

fn blocks(window: Window) -> u64 {
    BLOCKS.min(micros(window).max(1))
}

fn micros(window: Window) -> u64 {
    u64::try_from(window.end.since(window.start).as_micros()).unwrap_or(u64::MAX)
}

/// A window cut into pieces of one length, the last of which ends where it ends.
fn cut(window: Window) -> Steps {
    let blocks = blocks(window);
    let step = micros(window).div_ceil(blocks).max(1);
    let start = window.end.minus(Duration::from_micros(step * (blocks - 1)));
    let step = Duration::from_micros(step);
    Steps { start, end: window.end, step, window: step }
}

fn extremes(line: &[Option<f64>]) -> Option<(f64, f64)> {
    let values = line.iter().copied().flatten().map(|value| (value, value));
    values.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// From the lowest block for the lowest value to a full one for the highest; a dot where there is no data.
fn sparkline(line: &[Option<f64>]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let Some((lowest, highest)) = extremes(line) else { return "·".repeat(line.len()) };
    let block = |value: f64| {
        let share = if highest > lowest { (value - lowest) / (highest - lowest) } else { 0.5 };
        LEVELS[(share * 7.0).round() as usize]
    };
    line.iter().map(|value| value.map_or('·', block)).collect()
}

impl Question {
    /// What the line of blocks shows: how many there were tells people least.
    fn trend(&self) -> Aggregate {
        let telling = self.aggregates.iter().find(|aggregate| **aggregate != Aggregate::Count);
        *telling.unwrap_or(&Aggregate::Count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_from_the_lowest_to_the_highest() {
        assert_eq!(sparkline(&[Some(1.0), None, Some(8.0), Some(4.5)]), "▁·█▅");
        assert_eq!(sparkline(&[Some(-3.0), Some(-3.0)]), "▅▅");
        assert_eq!(sparkline(&[None, None]), "··");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn the_pieces_of_a_window_are_the_window() {
        let at = Timestamp::from_micros;
        for (start, end, pieces) in [(0, 0, 1), (0, 7, 7), (5, 1_000_004, 30)] {
            let window = Window { start: at(start), end: at(end) };
            let windows: Vec<Window> = cut(window).windows().expect("few").collect();
            assert_eq!((windows.len(), windows[windows.len() - 1].end), (pieces, window.end));
            assert!(windows[0].start <= window.start && window.start.since(windows[0].start).as_micros() < 30);
        }
    }
}
