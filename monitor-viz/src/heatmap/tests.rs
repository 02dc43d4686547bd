//! Cells against a naive count.

use monitor_core::Zone;

use super::*;
use crate::testing::{START, add, store_of};

fn heatmap(config: &Config, store: &Store) -> Option<(Heatmap, String)> {
    config.validate().expect("valid");
    let figure = config.figure(store, &Scope::all(Zone::UTC)).expect("valid")?;
    let Plot::Heatmap(heatmap) = figure.plot else { panic!("a heatmap") };
    Some((heatmap, figure.caption))
}

#[test]
fn every_sample_is_in_the_cell_of_its_time_and_value() {
    for (low, is_log) in [(0.05, true), (0.0, false), (-3.0, false)] {
        let store = store_of(&[]);
        let points: Vec<(i64, f64)> = (0..500_i64)
            .map(|at| (START * 1_000_000 + at * at * 1_000, low + f64::from(at as i32 * 7919 % 500) / 10.0))
            .collect();
        add(&store, "m", &[], &points);
        let (heatmap, _) = heatmap(&Config::of("m"), &store).expect("data");
        assert_eq!(heatmap.log, is_log, "{low}");
        assert_eq!(heatmap.counts.iter().sum::<u64>(), 500);
        let rows = heatmap.values.len() - 1;
        for (cell, count) in heatmap.counts.iter().enumerate() {
            let (column, row) = (cell / rows, cell % rows);
            let inside = |(at, value): &&(i64, f64)| {
                let is_top = row + 1 == rows && value.total_cmp(&heatmap.values[row + 1]).is_eq();
                (heatmap.times[column]..heatmap.times[column + 1]).contains(at)
                    && *value >= heatmap.values[row]
                    && (*value < heatmap.values[row + 1] || is_top)
            };
            assert_eq!(*count, points.iter().filter(inside).count() as u64, "cell {cell}");
        }
    }
}

#[test]
fn one_sample_and_none() {
    let (heatmap, caption) = heatmap(&Config::of("m"), &store_of(&[("m", &[], &[4.0])])).expect("data");
    assert_eq!(heatmap.counts.iter().sum::<u64>(), 1);
    assert!(caption.starts_with("1 sample, 2026-05-04 14:00:00 to 14:00:00, a column is "), "{caption}");
    assert!(self::heatmap(&Config::of("m"), &store_of(&[])).is_none());
}
