//! The recorded run through pipeline and store, against what the Python reference answered once a minute.

use std::path::Path;
use std::time::Duration;

use monitor_core::component::SourceConfig;
use monitor_core::pipeline::{Builder, Pipeline, Summary};
use monitor_core::sources::file;
use monitor_core::store::{Selector, Store, TokenUsage, Window};
use monitor_core::{Timestamp, Zone};
use serde_json::Value;

fn recording(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/afterimage-run").join(name)
}

fn golden() -> Value {
    let text = std::fs::read_to_string(recording("golden.json")).expect("the golden file");
    serde_json::from_str(&text).expect("JSON")
}

/// Runs a recording to its end, and keeps the pipeline's store to be asked.
fn run(files: &[&str], check: impl FnOnce(&Store)) -> Summary {
    let builder = Builder::new().zone(Zone::UTC).event_time();
    let config = file::Config::once(files.iter().map(|name| recording(name)).collect());
    let source = config.open(&builder.context(&"recording".into())).expect("the recording is there");
    let pipeline: Pipeline = builder.source("recording", source).start().expect("starts");
    while !(pipeline.finished() && pipeline.settled()) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    check(pipeline.store());
    pipeline.wait()
}

fn moment(value: &Value) -> Timestamp {
    Timestamp::parse(value.as_str().expect("text"), &Zone::UTC).expect("a timestamp")
}

/// Every aggregate of every minute; gives back how many numbers were compared.
fn compare_minutes(store: &Store, skip: &str) -> usize {
    let golden = golden();
    let minutes = golden["minutes"].as_array().expect("minutes");
    assert_eq!(minutes.len(), 28);
    let mut compared = 0;
    for minute in minutes {
        let window = Window::last(Duration::from_secs(300), moment(&minute["now"]));
        let metrics = minute["get_metrics"].as_object().expect("metrics");
        assert_eq!(metrics.len(), 8);
        for (metric, expected) in metrics.iter().filter(|(metric, _)| *metric != skip) {
            let stats = store.stats(&Selector::metric(metric.as_str()), window).expect("the metric is known");
            let Some(stats) = stats else {
                // Without data in its window the reference answers an empty object.
                assert_eq!(expected.as_object().map(serde_json::Map::len), Some(0), "{metric} at {}", minute["now"]);
                continue;
            };
            let numbers = [("mean", stats.mean), ("min", stats.min), ("max", stats.max), ("count", stats.count as f64)];
            for (aggregate, ours) in numbers {
                let theirs = expected[aggregate].as_f64().expect("a number");
                assert!(
                    (ours - theirs).abs() <= 1e-9,
                    "{aggregate} of {metric} at {}: {ours}, not {theirs}",
                    minute["now"]
                );
                compared += 1;
            }
        }
    }
    compared
}

/// Everything that the reference says of the tokens; it says nothing of their cost.
fn compare_tokens(usage: &TokenUsage, expected: &Value) {
    let ours = serde_json::to_value(usage).expect("JSON");
    let compare = |ours: &Value, expected: &Value| {
        for (key, expected) in expected.as_object().expect("an object").iter().filter(|(key, _)| *key != "by_model") {
            assert_eq!(ours[key], *expected, "{key} of {ours}");
        }
    };
    compare(&ours, expected);
    let models = |usage: &Value| usage["by_model"].as_array().expect("a list").clone();
    assert_eq!(models(&ours).len(), models(expected).len());
    models(&ours).iter().zip(&models(expected)).for_each(|(ours, expected)| compare(ours, expected));
}

fn compare_all_tokens(store: &Store) {
    let golden = golden();
    let last = Window::last(Duration::from_secs(300), moment(&golden["final_now"]));
    compare_tokens(&store.token_usage(Window::ALL), &golden["total_token_usage"]);
    compare_tokens(&store.token_usage(last), &golden["total_token_usage_last_5min"]);
}

fn count(store: &Store, metric: &str) -> u64 {
    store.stats(&Selector::metric(metric), Window::ALL).ok().flatten().map_or(0, |stats| stats.count)
}

#[test]
fn the_samples_agree_with_every_number_of_the_reference() {
    let summary = run(&["metrics.jsonl.gz"], |store| {
        // 28 minutes of 8 metrics of 4 numbers, less the windows without an error_rate.
        assert_eq!(compare_minutes(store, ""), 892);
        compare_all_tokens(store);
        for (metric, expected) in golden()["metric_counts"].as_object().expect("counts") {
            assert_eq!(count(store, metric), expected.as_u64().expect("a count"), "{metric}");
        }
    });
    assert_eq!((summary.events, summary.rejected, summary.samples), (25_115, 0, 25_115));
}

#[test]
fn the_events_agree_too_and_their_error_rate_is_right() {
    let summary = run(&["afterimage.log.gz"], |store| {
        assert_eq!(compare_minutes(store, "error_rate"), 28 * 7 * 4);
        compare_all_tokens(store);
        for (metric, expected) in golden()["metric_counts"].as_object().expect("counts") {
            // Python names a score by its enum in the metrics, and by the enum's value in the log.
            let metric = match metric.strip_prefix("evaluation_score_EvaluationMetric.") {
                Some(name) => format!("evaluation_score_{}", name.to_lowercase()),
                None => metric.clone(),
            };
            let expected = match metric.as_str() {
                "error_rate" => 2_756,
                // The first is recorded without an event. 46 scores of the second were announced and not given: the
                // reference took them for zero.
                "model_creation_time" | "evaluation_score_format" => 0,
                _ => expected.as_u64().expect("a count"),
            };
            assert_eq!(count(store, &metric), expected, "{metric}");
        }
        for minute in golden()["minutes"].as_array().expect("minutes") {
            let window = Window::last(Duration::from_secs(300), moment(&minute["now"]));
            let stats = |metric| store.stats(&Selector::metric(metric), window).expect("known").expect("data");
            let (errors, successes) = (stats("error_rate"), stats("success_rate"));
            assert_eq!(errors.count, successes.count);
            assert!((errors.mean + successes.mean - 1.0).abs() < 1e-12);
        }
    });
    assert_eq!((summary.events, summary.rejected), (4_650, 0));
    assert_eq!(summary.missing_scores.get("format"), Some(&46));
}

/// Costs by hand, in Python, from nothing but golden.json and the three prices that the table gives:
///
/// ```python
/// prices = {"gemini-2.5-flash": (.3, 2.5), "deepseek-chat": (.28, .42), "gpt-4o-mini": (.15, .6)}
/// for model in golden["total_token_usage"]["by_model"]:       # and of the last five minutes
///     input, output = prices.get(model["model_name"], (0, 0)) # the fourth is marked `:free`
///     prompt, total = model["prompt_tokens"], model["total_tokens"]
///     print((prompt * input + (total - prompt) * output) / 1e6, total - prompt - model["completion_tokens"])
/// ```
///
/// The calls, the reasoning and the cost by operation are from the log, summed call by call in the same way.
#[test]
fn the_cost_is_that_of_a_few_lines_of_python() {
    let near = |ours: Option<f64>, expected: f64| assert!((ours.expect("a cost") - expected).abs() < 1e-9, "{ours:?}");
    let summary = run(&["afterimage.log.gz"], |store| {
        let usage = store.token_usage(Window::ALL);
        for (model, (name, calls, cost, reasoning)) in usage.by_model.iter().zip([
            ("deepseek-chat", 414, 0.243_743_78, 0),
            ("gemini-2.5-flash", 1_530, 2.952_575_2, 465_214),
            ("gpt-4o-mini", 536, 0.227_833_5, 0),
            ("meta-llama/llama-3.3-70b-instruct:free", 215, 0.0, 0),
        ]) {
            assert_eq!((model.model_name.as_str(), model.usage.calls), (name, calls));
            assert_eq!((model.usage.reasoning_tokens, model.usage.unpriced_calls), (reasoning, 0));
            near(model.usage.cost_usd, cost);
        }
        near(usage.total_cost_usd, 3.424_152_48);
        assert_eq!((usage.total_calls, usage.total_unpriced_calls, usage.total_cached_tokens), (2_695, 0, 0));
        let last = Window::last(Duration::from_secs(300), moment(&golden()["final_now"]));
        near(store.token_usage(last).total_cost_usd, 0.665_598_24);
        let by_operation = store.token_usage_by("operation", Window::ALL);
        near(by_operation["answer_generation"].cost_usd, 1.464_758_6);
        near(by_operation["unknown"].cost_usd, 0.576_308_55);
        assert_eq!((by_operation.len(), by_operation["answer_generation"].calls), (7, 1_010));
        // A metric like any other.
        let stats = store.stats(&Selector::metric("cost_usd"), Window::ALL).expect("known").expect("data");
        assert_eq!(stats.count, 2_695);
        near(Some(stats.sum), 3.424_152_48);
    });
    near(summary.token_usage.total_cost_usd, 3.424_152_48);
}

#[test]
fn beside_its_events_the_samples_of_a_run_are_skipped() {
    let summary = run(&["metrics.jsonl.gz", "afterimage.log.gz"], |store| {
        assert_eq!(count(store, "generation_time"), 2_756);
    });
    assert_eq!(summary.events, 4_650);
}
