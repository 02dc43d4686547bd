//! Stores of samples for tests, and the list that they are checked against.

use monitor_core::component::Context;
use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Store, Window};
use monitor_core::{Clock, Text, Timestamp, Zone};

/// A sample: second, metric, value, and `model_name`, which is left out if it is empty.
pub(crate) type Sample = (i64, &'static str, f64, &'static str);

/// A store with these samples.
pub(crate) fn store(samples: &[Sample]) -> Store {
    let store = Store::new(Limits::whole_recording());
    for (second, metric, value, model) in samples {
        let series = SeriesSet::new([SeriesKey::new(*metric, group(model)).into()]);
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
    let wanted = samples.iter().filter(|(second, name, _, of)| {
        is_in(*second) && *name == metric && model.is_none_or(|model| model == *of)
    });
    wanted.map(|(_, _, value, _)| *value).collect()
}

/// What a rule that is grouped by these labels is told when it is opened, over a recording.
pub(crate) fn context(by: &[&str]) -> Context {
    let registry = monitor_core::component::Registry::new();
    let config = monitor_core::config::Config::parse("", "test", std::path::PathBuf::new(), &registry);
    let builder = monitor_core::pipeline::Builder::for_replay(config.expect("an empty one")).expect("opens");
    let context = builder.context(&"rule".into());
    Context { by: by.iter().map(Text::new).collect(), clock: Clock::manual(Timestamp::MIN), zone: Zone::UTC, ..context }
}
