//! A program that records what it does, without any configuration: `cargo run -p monitor-core --example embed`.

use std::time::Duration;

use monitor_core::component::{Answer, sink_fn};
use monitor_core::pipeline::StartError;
use monitor_core::{Evaluation, Generation, Monitor, Tokens};

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), StartError> {
    // A closure is a sink; so is whatever implements `Sink`.
    let sink = sink_fn(|delivery| {
        println!("a sink gets {} events with {} samples", delivery.len(), delivery.samples().count());
        Answer::Ok
    });
    let monitor = Monitor::builder()
        .sink("printer", sink)
        .on_token_usage(Duration::from_secs(60), |usage| println!("{} tokens so far", usage.total_tokens))
        .start()?;

    for turn in 0..100_u64 {
        let call = Generation::new(1.5 + turn as f64 / 100.0, turn % 10 != 0)
            .model(if turn % 2 == 0 { "gpt-4o-mini" } else { "gemini-2.5-flash" })
            .finish_reason("stop")
            .tokens(Tokens::of(400 + turn, 100))
            .with("operation", "answer_generation");
        monitor.track_generation(call);
    }
    monitor.track_evaluation(Evaluation::new("FactualityEvaluator", 1.9, true).score("factuality", 0.82));
    monitor.record_metric("queue_depth", 7.0, &[("worker", "a")]);
    monitor.log_warning("the queue grows");

    // Recording does not wait for the pipeline; whoever wants an answer about the last moment waits for it here.
    monitor.flush(Duration::from_secs(1));
    if let Ok(Some(latency)) = monitor.stats("generation_time", Duration::from_secs(300)) {
        println!("generation_time: mean {:.2}s, p99 {:.2}s of {} calls", latency.mean, latency.p99, latency.count);
    }
    for model in monitor.token_usage(None).by_model {
        let usage = model.usage;
        println!("{}: {} tokens, ${:.4}", model.model_name, usage.total_tokens, usage.cost_usd.unwrap_or_default());
    }
    if let Some(summary) = monitor.shutdown() {
        println!("{} events in, {} delivered", summary.events, summary.sinks[0].delivered);
    }
    Ok(())
}
