//! The five numbers against a naive reading of Tukey's rule, and the quartiles against the store.

use monitor_core::Zone;
use monitor_core::store::Window;
use proptest::prelude::*;

use super::*;
use crate::testing::store_of;

/// The value below which a share lies, by looking for it: numpy's default.
fn naive_quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let weight = place - place.floor();
    sorted[place.floor() as usize] * (1.0 - weight) + sorted[place.ceil() as usize] * weight
}

proptest! {
    #[test]
    fn whiskers_end_at_the_last_value_within_reach(mut values in prop::collection::vec(-100.0..100.0_f64, 1..80)) {
        values.sort_by(f64::total_cmp);
        let box_of = summary("a".into(), Color::default(), &values).expect("data");
        let [low, lower, median, upper, high] = box_of.five;
        for (drawn, share) in [(lower, 0.25), (median, 0.5), (upper, 0.75)] {
            prop_assert!((drawn - naive_quantile(&values, share)).abs() < 1e-9);
        }
        let reach = 1.5 * (upper - lower);
        let within: Vec<f64> =
            values.iter().copied().filter(|value| *value >= lower - reach && *value <= upper + reach).collect();
        let least = within.iter().copied().fold(f64::INFINITY, f64::min).min(lower);
        let greatest = within.iter().copied().fold(f64::NEG_INFINITY, f64::max).max(upper);
        prop_assert_eq!((low, high), (least, greatest));
        prop_assert_eq!(box_of.outliers.len() + within.len(), values.len());
        prop_assert!(low <= lower && lower <= median && median <= upper && upper <= high);
    }
}

#[test]
fn a_box_a_score_and_evaluator_with_the_stores_median() {
    let values: Vec<f64> = (0..41).map(|at| f64::from(at * 7 % 41)).collect();
    let store = store_of(&[
        ("evaluation_score_tone", &[("evaluator_type", "A")], &values),
        ("evaluation_score_tone", &[("evaluator_type", "B")], &values[..10]),
        ("evaluation_score_truth", &[("evaluator_type", "A")], &values[5..20]),
    ]);
    let config = Config { by: Some("evaluator_type".into()), ..Config::of("evaluation_score_*") };
    config.validate().expect("valid");
    let figure = config.figure(&store, &Scope::all(Zone::UTC)).expect("valid").expect("data");
    let Plot::Boxes(boxes) = figure.plot else { panic!("boxes") };
    let labels: Vec<_> = boxes.boxes.iter().map(|of| of.label.as_str()).collect();
    assert_eq!(labels, ["Tone, A", "Tone, B", "Truth, A"]);
    let selector = "evaluation_score_tone{evaluator_type=B}".parse().expect("a selector");
    let stats = store.stats(&selector, Window::ALL).expect("known").expect("data");
    assert!((boxes.boxes[1].five[2] - stats.p50).abs() < 1e-9);
    assert_eq!(boxes.boxes[1].count, stats.count);
    assert!(Config::of("m").figure(&store, &Scope::all(Zone::UTC)).expect("valid").is_none());
}
