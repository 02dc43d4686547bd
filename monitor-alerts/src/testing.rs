//! Stores of samples for tests, and the list that they are checked against.

use std::path::PathBuf;

use monitor_core::component::{Context, Registry, Validate};
use monitor_core::config::Config;
use monitor_core::pipeline::Builder;
use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Store, Window};
use monitor_core::{Clock, Text, Timestamp, Zone};
use proptest::collection::vec;
use proptest::sample::select;
use proptest::strategy::Strategy;
use serde::de::DeserializeOwned;

/// A sample: second, metric, value, and `model_name`, which is left out if it is empty.
pub(crate) type Sample = (i64, &'static str, f64, &'static str);

/// A store with these samples.
pub(crate) fn store(samples: &[Sample]) -> Store {
    let store = Store::new(Limits::whole_recording());
    for (second, metric, value, model) in samples {
        let series = SeriesSet::new([SeriesKey::new(metric, group(model)).into()]);
        let mut batch = Samples::default();
        batch.push(Timestamp::from_secs(*second), &series, &[*value]);
        store.insert(&batch, Timestamp::MAX);
    }
    store
}

/// The labels of a group by `model_name`.
pub(crate) fn group(model: &str) -> Labels {
    [("model_name", model)].into_iter().filter(|(_, model)| !model.is_empty()).collect()
}

/// The values of a metric in a window, both ends included, of one model or of all, from the list itself.
pub(crate) fn listed(samples: &[Sample], metric: &str, model: Option<&str>, window: Window) -> Vec<f64> {
    let (start, end) = (window.start.as_micros(), window.end.as_micros());
    let is_in = |second: i64| start <= second * 1_000_000 && second * 1_000_000 <= end;
    let wanted = samples
        .iter()
        .filter(|(second, name, _, of)| is_in(*second) && *name == metric && model.is_none_or(|model| model == *of));
    wanted.map(|(_, _, value, _)| *value).collect()
}

/// What a rule that is grouped by these labels is told when it is opened, over a recording.
pub(crate) fn context(by: &[&str]) -> Context {
    let config = Config::parse("", "test", PathBuf::new(), &Registry::new()).expect("nothing is wrong with nothing");
    let context = Builder::for_replay(config).expect("opens").context(&"rule".into());
    Context { by: by.iter().map(Text::new).collect(), clock: Clock::manual(Timestamp::MIN), zone: Zone::UTC, ..context }
}

/// The keys of a rule.
pub(crate) fn config<C: DeserializeOwned + Validate>(toml: &str) -> C {
    let config: C = toml::from_str(toml).expect("its keys");
    config.validate().expect("valid");
    config
}

/// What is wrong with the keys of a rule: `key: message`.
pub(crate) fn wrong<C: DeserializeOwned + Validate>(toml: &str) -> String {
    let invalid = match toml::from_str::<C>(toml) {
        Ok(config) => config.validate().expect_err("something is wrong"),
        Err(error) => return error.message().to_owned(),
    };
    format!("{}: {}", invalid.key.unwrap_or("table"), invalid.message)
}

/// Whether the sample of a rule can be used as it stands.
pub(crate) fn sample_is_valid(sample: &str) {
    let mut registry = Registry::new();
    crate::register(&mut registry).expect("no type twice");
    if let Err(error) = Config::parse(sample, "sample.toml", PathBuf::new(), &registry) {
        panic!("{error}");
    }
}

/// Samples of these metrics in the first `seconds`, with values out of `values`.
pub(crate) fn samples(
    seconds: i64,
    metrics: &'static [&'static str],
    values: &'static [f64],
) -> impl Strategy<Value = Vec<Sample>> {
    let models: &[&str] = &["", "a", "b"];
    vec((0..=seconds, select(metrics), select(values), select(models)), 0..60)
}
