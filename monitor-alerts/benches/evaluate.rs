//! What it costs to evaluate many rules over many series, by the number of rules and by the length of history.
#![expect(clippy::print_stdout, reason = "how the times compare is what is asked, and criterion does not tell it")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::Criterion;
use monitor_core::component::{Registry, Rule};
use monitor_core::config::Config;
use monitor_core::pipeline::Builder;
use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Store};
use monitor_core::{Clock, Timestamp};

/// Metrics that an event yields a sample of: its samples share their time.
const TOGETHER: usize = 10;
/// A sample a series so often: six in a window of five minutes.
const EVERY: i64 = 60;

/// The types there are, each with the keys of a rule on METRIC.
const TYPES: [(&str, &str); 9] = [
    ("threshold", "metric = 'METRIC'\nabove = 0.5"),
    ("ratio", "of = 'METRIC'\nof_aggregate = 'sum'\nover = 'METRIC'\nover_aggregate = 'count'\nabove = 0.5"),
    ("change", "metric = 'METRIC'\nabove = 1.5"),
    ("absence", "metric = 'METRIC'\nwindow = '5m'"),
    ("anomaly", "metric = 'METRIC'\nabove = 3.5\nbaseline = '50m'\nmin_windows = 5"),
    ("drift", "metric = 'METRIC'\nabove = 0.25\nwindow = '5m'\nbaseline = '30m'\nmin_each = 5"),
    (
        "burn_rate",
        "metric = 'METRIC'\nobjective = 0.5\nperiod = '10m'\nwindows = [{ long = '5m', short = '1m', factor = 1.5 }]",
    ),
    ("budget", "metric = 'METRIC'\nlimit = 1e9\nperiod = 'hour'\nwindow = '5m'"),
    (
        "expression",
        "holds = 'a / b > 0.5'\nvalues.a = { metric = 'METRIC', aggregate = 'sum' }\n\
         values.b = { metric = 'METRIC', aggregate = 'count' }",
    ),
];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(10)
        .configure_from_args();
    // A metric has few series, or as many as it may have, where rules are dear.
    for (metrics, each, most) in [(1_000, 100, 10_000), (10, 10_000, 1_000)] {
        let (few, many) = (scaled(most) / 10, scaled(most));
        let mut times = BTreeMap::new();
        for history in [60, 600] {
            let (metrics, each, history) = (scaled(metrics), scaled(each), scaled(history));
            let (store, now) = filled(metrics, each, history);
            for count in [few, many] {
                let named = |at| format!("metric_{}{{model_name=model_{}}}", at % metrics, at / metrics % each);
                let mut rules = rules(count, &TYPES, named);
                let name = format!("{metrics} metrics of {each} series, {history} samples each: {count} rules");
                let mut runs = Vec::new();
                criterion.bench_function(&name, |bencher| {
                    bencher.iter_custom(|iterations| {
                        let begun = begin();
                        (0..iterations).for_each(|_| evaluate(&mut rules, &store, now));
                        let took = begun.elapsed();
                        runs.push(took / u32::try_from(iterations).expect("few"));
                        took
                    });
                });
                // The quickest is disturbed least.
                times.insert((history, count), runs.into_iter().min());
            }
            for of_type in TYPES.chunks(1) {
                let named = |at| format!("metric_{}{{model_name=model_{}}}", at % metrics, at / metrics % each);
                let mut rules = rules(few, of_type, named);
                let name =
                    format!("{metrics} metrics of {each} series, {history} samples each: {few} of {}", of_type[0].0);
                criterion.bench_function(&name, |bencher| bencher.iter(|| evaluate(&mut rules, &store, now)));
            }
        }
        let (short, long) = (scaled(60), scaled(600));
        let ratio = |a, b| {
            let [a, b] = [a, b].map(|at| times.get(&at).copied().flatten().map(|time: Duration| time.as_secs_f64()));
            a.zip(b).map_or(f64::NAN, |(a, b)| a / b)
        };
        println!("ten times the rules take {:.2} times as long", ratio((short, many), (short, few)));
        println!("over ten times the history they take {:.2} times as long", ratio((long, many), (short, many)));
    }
    criterion.final_summary();
}

#[expect(clippy::disallowed_methods, reason = "it is time itself that is measured")]
fn begin() -> Instant {
    Instant::now()
}

/// All of it is measured; a test that the bench works needs a part.
fn scaled(count: usize) -> usize {
    if std::env::args().any(|arg| arg == "--bench") { count } else { count.div_ceil(10).min(100) }
}

/// So many metrics of so many series, of so many samples each, and the time of the last ones.
fn filled(metrics: usize, each: usize, history: usize) -> (Store, Timestamp) {
    let limits = Limits {
        max_bytes: 16 << 30,
        max_series: usize::MAX,
        max_series_per_metric: usize::MAX,
        ..Limits::whole_recording()
    };
    let store = Store::new(limits);
    let metric_names: Vec<String> = (0..metrics).map(|at| format!("metric_{at}")).collect();
    let models: Vec<Labels> =
        (0..each).map(|at| [("model_name", format!("model_{at}").as_str())].into_iter().collect()).collect();
    let set = |names: &[String], labels: &Labels| {
        SeriesSet::new(names.iter().map(|name| SeriesKey::new(name.as_str(), labels.clone()).into()))
    };
    let together: Vec<_> = metric_names.chunks(TOGETHER).collect();
    let series: Vec<_> =
        together.iter().flat_map(|names| models.iter().map(|labels| (names.len(), set(names, labels)))).collect();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut batch = Samples::default();
    // All series of a minute, then those of the next, as they come.
    for minute in 0..history as i64 {
        for (at, (count, series)) in series.iter().enumerate() {
            let values: [f64; TOGETHER] = std::array::from_fn(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (random % 1_000) as f64 / 1e3
            });
            let time = Timestamp::from_micros(minute * EVERY * 1_000_000 + at as i64 % 1_000_000);
            batch.push(time, series, &values[..*count]);
            if batch.events() == 1_024 {
                store.insert(&std::mem::take(&mut batch), Timestamp::MAX);
            }
        }
    }
    store.insert(&batch, Timestamp::MAX);
    let bounds = store.bounds();
    println!("{} series, {} samples, {} MB", bounds.series, bounds.samples, bounds.bytes >> 20);
    (store, Timestamp::from_secs(history as i64 * EVERY))
}

/// So many rules, their types in turn.
fn rules(count: usize, types: &[(&str, &str)], metric: impl Fn(usize) -> String) -> Vec<Box<dyn Rule>> {
    let mut registry = Registry::new();
    monitor_alerts::register(&mut registry).expect("no type twice");
    let mut text = String::new();
    for (at, (name, keys)) in types.iter().cycle().take(count).enumerate() {
        write!(text, "[alerts.r{at}]\ntype = \"{name}\"\n{}\n", keys.replace("METRIC", &metric(at))).expect("a string");
    }
    let config = Config::parse(&text, "bench", PathBuf::new(), &registry).expect("valid");
    let nothing = Config::parse("", "bench", PathBuf::new(), &registry).expect("valid");
    let mut context = Builder::for_replay(nothing).expect("opens").context(&"rule".into());
    context.clock = Clock::manual(Timestamp::MIN);
    config.rules.iter().map(|entry| entry.config.open(&context).expect("opens")).collect()
}

fn evaluate(rules: &mut [Box<dyn Rule>], store: &Store, now: Timestamp) {
    for rule in rules {
        black_box(rule.evaluate(store, now));
    }
}
