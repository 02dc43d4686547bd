//! Bars against the store's own answers.

use monitor_core::Zone;
use monitor_core::store::Window;

use super::*;
use crate::testing::store_of;

fn bars(config: &Config, store: &Store) -> Option<(Bars, String)> {
    config.validate().expect("valid");
    let figure = config.figure(store, &Scope::all(Zone::UTC)).expect("valid")?;
    let Plot::Bars(bars) = figure.plot else { panic!("bars") };
    Some((bars, figure.caption))
}

#[test]
fn a_bar_is_what_the_store_answers_for_its_group() {
    let store = store_of(&[
        ("prompt", &[("model_name", "a")], &[1.0, 2.0, 4.0]),
        ("prompt", &[("model_name", "b")], &[10.0]),
        ("prompt", &[], &[0.5]),
        ("completion", &[("model_name", "a")], &[100.0]),
    ]);
    for aggregate in Aggregate::ALL {
        let series = vec![SeriesConfig::of("prompt"), SeriesConfig::of("completion")];
        let config = Config { series, aggregate, ..Config::of("prompt", "model_name") };
        let (bars, _) = bars(&config, &store).expect("data");
        let mut names = bars.categories.clone();
        names.sort();
        assert_eq!(names, ["a", "b", "unknown"], "{aggregate}");
        for (metric, series) in ["prompt", "completion"].into_iter().zip(&bars.series) {
            for (name, value) in bars.categories.iter().zip(&series.values) {
                let label = if name == "unknown" { "" } else { name };
                let selector = Selector::metric(metric).with("model_name", label);
                let stats = store.stats(&selector, Window::ALL).expect("known");
                let expected = stats.map_or(f64::NAN, |stats| stats.get(aggregate));
                assert!(
                    value.total_cmp(&expected).is_eq(),
                    "{aggregate} of {metric} of {name}: {value}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn the_largest_come_first_and_the_rest_is_one_that_is_right_for_any_aggregate() {
    let names: Vec<String> = (0..30).map(|at| format!("model-{at:02}")).collect();
    let labels: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("model_name", name.as_str())]).collect();
    let values: Vec<Vec<f64>> = (0..30).map(|at| vec![f64::from(at), 1.0, 2.0]).collect();
    let series: Vec<_> = labels.iter().zip(&values).map(|(labels, values)| ("m", &labels[..], &values[..])).collect();
    let store = store_of(&series);
    let config = Config { top: 5, ..Config::of("m", "model_name") };
    let (bars, caption) = bars(&config, &store).expect("data");
    assert_eq!(bars.categories, ["model-29", "model-28", "model-27", "model-26", "model-25", "other"]);
    let rest: f64 = values[..25].iter().flatten().sum();
    assert_eq!(bars.series[0].values, [32.0, 31.0, 30.0, 29.0, 28.0, rest]);
    assert!(caption.ends_with("the 5 largest of 30 by model_name, the rest as other"), "{caption}");

    let (bars, _) = self::bars(&Config { aggregate: Aggregate::Mean, ..config }, &store).expect("data");
    assert!((bars.series[0].values[5] - rest / 75.0).abs() < 1e-9, "the mean of the rest, not of its means");
}

#[test]
fn no_data_is_no_figure_and_what_does_not_add_up_is_refused() {
    let store = store_of(&[]);
    assert!(bars(&Config::of("m", "model_name"), &store).is_none());
    let key = |config: Config| config.validate().expect_err("refused").key;
    let mean = Config { stacked: true, aggregate: Aggregate::Mean, ..Config::of("m", "model_name") };
    assert_eq!(key(mean), Some("stacked"));
    assert_eq!(key(Config::of("m", "")), Some("by"));
    assert_eq!(key(Config::of("evaluation_score_*", "model_name")), Some("series"));
    assert_eq!(key(Config { top: 0, ..Config::of("m", "model_name") }), Some("top"));
}
