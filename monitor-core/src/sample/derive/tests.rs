//! Which samples an event yields, with which labels and which cost.

use super::*;
use crate::Timestamp;
use crate::event::{Evaluation, Generation, Metric};
use crate::prices::Price;

fn derived(body: impl Into<Body>) -> Vec<String> {
    let event = Event::new(Timestamp::from_secs(1), body);
    let mut samples = Samples::default();
    Deriver::new(&["user".into()]).derive(&event, &mut samples);
    assert!(samples.iter().all(|sample| sample.time == event.time));
    samples.iter().map(|sample| format!("{} {} {}", sample.name(), sample.value, sample.series.labels())).collect()
}

#[test]
fn a_call() {
    let call = Generation::new(2.5, true)
        .model("gpt-4o")
        .finish_reason("stop")
        .tokens(Tokens { prompt: Some(4), completion: None, total: Some(9), ..Tokens::default() })
        .with("operation", "answer_generation")
        .with("user", 7)
        .with("open", "not a label");
    let labels = "{finish_reason=stop, model_name=gpt-4o, operation=answer_generation, success=true, user=7}";
    let names = [
        "generation_time 2.5",
        "success_rate 1",
        "error_rate 0",
        "model_usage:gpt-4o 1",
        "finish_reason:stop 1",
        "prompt_token_count 4",
        "total_token_count 9",
    ];
    assert_eq!(derived(call), names.map(|name| format!("{name} {labels}")));
}

#[test]
fn a_call_has_its_cost_or_is_unpriced() {
    let prices = Prices::none().with("gpt-4o", Price { cached_input: Some(1.0), ..Price::new(2.0, 10.0) });
    let mut deriver = Deriver::new(&[]).with_prices(Some(prices));
    let mut cost = |call: Generation| {
        let mut samples = Samples::default();
        deriver.derive(&Event::new(Timestamp::MIN, call), &mut samples);
        let paid = samples.iter().filter(|s| ["cost_usd", "unpriced_calls"].contains(&s.series.metric().as_str()));
        paid.map(|s| format!("{} {} {}", s.name(), s.value, s.series.labels())).collect::<String>()
    };
    let call = |model: &str, tokens| Generation::new(1.0, true).model(model.to_owned()).tokens(tokens);
    let labels = "{model_name=openai/gpt-4o, success=true}";
    // (400_000 · 2 + 100_000 · 1 + 10_000 · 10) / 1e6
    let tokens = Tokens::of(500_000, 10_000).cached(100_000).reasoning(5_000);
    assert_eq!(cost(call("openai/gpt-4o", tokens)), format!("cost_usd 1 {labels}"));
    assert_eq!(cost(call("openai/gpt-4o", tokens)), format!("cost_usd 1 {labels}"));
    assert_eq!(cost(call("new", tokens)), "unpriced_calls 1 {model_name=new, success=true}");
    assert_eq!(cost(Generation::new(1.0, false).tokens(tokens)), "unpriced_calls 1 {success=false}");
    let total_only = Tokens { total: Some(7), ..Tokens::default() };
    assert_eq!(cost(call("openai/gpt-4o", total_only)), format!("unpriced_calls 1 {labels}"));
    // Without tokens there is nothing to pay.
    assert_eq!(cost(call("new", Tokens::default())) + &cost(call("new", Tokens::of(0, 0))), "");
}

#[test]
fn parts_of_the_tokens_are_metrics_too() {
    let tokens = Tokens { total: Some(12), ..Tokens::of(4, 5).cached(2) };
    let samples = derived(Generation::new(1.0, true).tokens(tokens));
    assert_eq!(
        samples[3..].iter().map(|sample| sample.replace(" {success=true}", "")).collect::<Vec<_>>(),
        [
            "prompt_token_count 4",
            "completion_token_count 5",
            "total_token_count 12",
            "cached_token_count 2",
            "reasoning_token_count 3",
        ]
    );
}

#[test]
fn a_failed_call_and_a_conversation() {
    let failed = Generation::new(0.3, false).error("429").with("error_type", "ClientError");
    assert_eq!(
        derived(failed),
        ["generation_time 0.3", "success_rate 0", "error_rate 1"]
            .map(|name| format!("{name} {{error_type=ClientError, success=false}}"))
    );
    let conversation = Generation::new(9.0, true).conversation_length(2);
    assert_eq!(derived(conversation)[3], "conversation_length 2 {success=true}");
}

#[test]
fn an_evaluation_never_yields_error_rate_or_model_usage() {
    let mut judged = Evaluation::new("Judge", 1.5, true)
        .score("overall", 0.5)
        .score_with_feedback("tone", 0.25, "terse")
        .model("gpt-4o")
        .tokens(Tokens::of(1, 2))
        .error("late");
    judged.scores.push(crate::event::Score { name: "missing".into(), value: None, feedback: None });
    let names = [
        "evaluation_time 1.5",
        "evaluation_score_overall 0.5",
        "evaluation_score_tone 0.25",
        "evaluation_error_rate 1",
        "prompt_token_count 1",
        "completion_token_count 2",
        "total_token_count 3",
    ];
    let labels = "{evaluator_type=Judge, model_name=gpt-4o, success=true}";
    assert_eq!(derived(judged), names.map(|name| format!("{name} {labels}")));
}

#[test]
fn a_handle_is_remembered_by_address_and_a_family_is_split() {
    let mut deriver = Deriver::new(&[]);
    let metric = Metric::new("finish_reason:stop", 1.0);
    let event = Event::new(Timestamp::MIN, metric.clone());
    let mut samples = Samples::default();
    deriver.derive(&event, &mut samples);
    deriver.derive(&event, &mut samples);
    let series: Vec<_> = samples.iter().map(|sample| sample.series).collect();
    assert!(Arc::ptr_eq(series[0], series[1]));
    assert_eq!(series[0].labels().to_string(), "{finish_reason=stop}");
    assert_eq!(derived(Metric::new("load", f64::NAN)), Vec::<String>::new());
    drop(metric);
}
