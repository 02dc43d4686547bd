//! Columns against the store's answer for each stretch of time.

use monitor_core::store::{Selector, Window};
use monitor_core::{Timestamp, Zone};

use super::*;
use crate::testing::{START, add, store_of};

fn stacked(config: &Config, store: &Store) -> Option<(Stacked, String)> {
    config.validate().expect("valid");
    let figure = config.figure(store, &Scope::all(Zone::UTC)).expect("valid")?;
    let Plot::Stacked(stacked) = figure.plot else { panic!("columns") };
    Some((stacked, figure.caption))
}

#[test]
fn a_column_is_what_the_store_answers_for_its_time() {
    let store = store_of(&[]);
    for (model, step) in [("a", 7_i64), ("b", 13)] {
        let points: Vec<(i64, f64)> =
            (0..200).map(|at| ((START + at * step) * 1_000_000, f64::from(at as i32 % 5) + 0.5)).collect();
        add(&store, "m", &[("model_name", model)], &points);
    }
    for aggregate in [Adds::Count, Adds::Sum] {
        let step = Some(DurationText(Duration::from_secs(60)));
        let config = Config { aggregate, step, ..Config::of("m", "model_name") };
        let (stacked, caption) = stacked(&config, &store).expect("data");
        assert!(caption.ends_with("a column is 1m"), "{caption}");
        for series in &stacked.series {
            for (edges, value) in stacked.edges.windows(2).zip(&series.values) {
                // The end belongs to the next column.
                let window =
                    Window { start: Timestamp::from_micros(edges[0]), end: Timestamp::from_micros(edges[1] - 1) };
                let selector = Selector::metric("m").with("model_name", series.label.as_str());
                let stats = store.stats(&selector, window).expect("known");
                let expected =
                    stats.map_or(0.0, |stats| if aggregate == Adds::Sum { stats.sum } else { stats.count as f64 });
                assert!((value - expected).abs() < 1e-9, "{}: {value}, not {expected}", series.label);
            }
        }
    }
}

#[test]
fn any_span_has_at_most_sixty_columns_that_hold_everything() {
    for span in [0_i64, 1_000, 1_000_000, 3_600_000_000, 315_576_000_000_000] {
        let store = store_of(&[]);
        let points: Vec<(i64, f64)> = (0..100).map(|at| (START * 1_000_000 + span / 99 * at, 1.0)).collect();
        add(&store, "m", &[], &points);
        let (stacked, _) = stacked(&Config::of("m", "model_name"), &store).expect("data");
        assert!(stacked.edges.len() <= 62, "{span}: {}", stacked.edges.len());
        assert!((stacked.series[0].values.iter().sum::<f64>() - 100.0).abs() < 1e-9, "{span}");
    }
}

#[test]
fn no_data_and_nothing_but_zeros_are_no_figure() {
    let zeros = store_of(&[("error_rate", &[("error_type", "x")], &[0.0, 0.0])]);
    let config = Config { aggregate: Adds::Sum, ..Config::of("error_rate", "error_type") };
    assert!(stacked(&config, &zeros).is_none());
    assert!(stacked(&config, &store_of(&[])).is_none());
    let none = Config { step: Some(DurationText(Duration::ZERO)), ..config };
    assert_eq!(none.validate().expect_err("refused").key, Some("step"));
}
