//! What a line of a recording costs on its way into the store, stage by stage, beside `serde_json` over the same lines.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use monitor_core::bus::Draft;
use monitor_core::event::Event;
use monitor_core::read::LineParser;
use monitor_core::sample::Deriver;
use monitor_core::store::{Limits, Store};
use monitor_core::{Timestamp, Zone};
use serde::Deserialize;

const LINES: u32 = 10_000;
/// As many events as a source hands on at once.
const BATCH: usize = 256;

const MODELS: [&str; 5] =
    ["gemini-2.5-flash", "gemini-2.5-pro", "gpt-4o", "gpt-4o-mini", "meta-llama/llama-3.3-70b-instruct:free"];
const OPERATIONS: [&str; 4] = ["answer_generation", "question_generation", "persona_generation", "evaluation"];
const FINISH_REASONS: [&str; 8] = ["stop", "stop", "stop", "stop", "stop", "stop", "length", "content_filter"];

/// The line as a program would read it that knows its shape and keeps it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "the fields are what is paid for")]
struct Line {
    r#type: String,
    timestamp: String,
    duration: f64,
    success: bool,
    model_name: Option<String>,
    finish_reason: Option<String>,
    prompt_token_count: Option<u64>,
    completion_token_count: Option<u64>,
    total_token_count: Option<u64>,
    conversation_length: Option<u64>,
    metadata: LineMetadata,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the fields are what is paid for")]
struct LineMetadata {
    operation: Option<String>,
    request_id: Option<String>,
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .sample_size(30)
        .configure_from_args();
    ingest(&mut criterion);
    criterion.final_summary();
}

fn ingest(criterion: &mut Criterion) {
    let recording = recording();
    let lines: Vec<&[u8]> = recording.lines().map(str::as_bytes).collect();
    let mut parser = LineParser::new(Zone::UTC);
    let mut parse = |line: &&[u8]| parse(&mut parser, line);
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::ElementsAndBytes { elements: u64::from(LINES), bytes: recording.len() as u64 });
    group.bench_function("parse", |bencher| {
        bencher.iter(|| lines.iter().for_each(|line| drop(black_box(parse(line)))));
    });
    group.bench_function("parse, each line alone", |bencher| {
        let parser = LineParser::new(Zone::UTC);
        let parse = |line: &&[u8]| parser.parse_alone(line, Timestamp::MIN).expect("a line is a valid event");
        bencher.iter(|| lines.iter().for_each(|line| drop(black_box(parse(line)))));
    });
    group.bench_function("to samples", |bencher| {
        let mut reader = Reader::new();
        bencher.iter(|| reader.batches(&lines, |batch| drop(black_box(batch))));
    });
    group.bench_function("to samples, store", |bencher| {
        // An empty store for each round, or its bounds would be measured; to let go of it is not timed.
        let setup = || (Reader::new(), Store::new(Limits::default()));
        let routine = |(reader, store): &mut (Reader, Store)| {
            reader.batches(&lines, |batch| store.insert(batch.samples(), Timestamp::MAX));
            let held = store.bounds().samples;
            assert!(held > 7 * u64::from(LINES), "{held} samples of {LINES} lines");
        };
        bencher.iter_batched_ref(setup, routine, BatchSize::PerIteration);
    });
    group.bench_function("to events", |bencher| {
        let mut reader = Reader::new();
        // As a sink asks for them.
        let take = |batch: Draft| {
            batch.numbered(0).events().for_each(|event| {
                black_box(event);
            });
        };
        bencher.iter(|| reader.batches(&lines, take));
    });
    group.bench_function("serde_json, typed", |bencher| {
        let parse = |line: &&[u8]| serde_json::from_slice::<Line>(line).expect("a line is valid JSON");
        bencher.iter(|| lines.iter().for_each(|line| drop(black_box(parse(line)))));
    });
    group.bench_function("serde_json, Value", |bencher| {
        let parse = |line: &&[u8]| serde_json::from_slice::<serde_json::Value>(line).expect("a line is valid JSON");
        bencher.iter(|| lines.iter().for_each(|line| drop(black_box(parse(line)))));
    });
}

fn parse(parser: &mut LineParser, line: &[u8]) -> Event {
    parser.parse(line, Timestamp::MIN).expect("a line is a valid event").expect("a line is not blank")
}

/// What a source does with its lines.
struct Reader {
    parser: LineParser,
    deriver: Deriver,
}

impl Reader {
    fn new() -> Self {
        Self { parser: LineParser::new(Zone::UTC), deriver: Deriver::new(&[]) }
    }

    fn batches(&mut self, lines: &[&[u8]], mut take: impl FnMut(Draft)) {
        for lines in lines.chunks(BATCH) {
            let mut batch = Draft::default();
            for line in lines {
                let read = batch.push_line(line, Timestamp::MIN, &mut self.parser, &mut self.deriver);
                assert!(read.expect("a line is a valid event"), "a line is not blank");
            }
            take(batch);
        }
    }
}

/// Lines as `events.jsonl` holds them, always the same.
fn recording() -> String {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut text = String::new();
    let start = Timestamp::parse("2026-05-04T14:00:00Z", &Zone::UTC).expect("a moment");
    for at in 0..LINES {
        let time = start.plus(Duration::from_micros(u64::from(at) * 73_137));
        let (prompt, completion) = (50 + random.below(4_000), 10 + random.below(2_000));
        let (duration, thinking) = (f64::from(300 + random.below(30_000)) / 1_000.0, random.below(1_000));
        let (model, operation) = (random.pick(&MODELS), random.pick(&OPERATIONS));
        let finish_reason = random.pick(&FINISH_REASONS);
        let total = prompt + completion + thinking;
        writeln!(
            text,
            r#"{{"type":"generation","timestamp":"{time}","duration":{duration},"success":true,"model_name":"{model}","finish_reason":"{finish_reason}","prompt_token_count":{prompt},"completion_token_count":{completion},"total_token_count":{total},"conversation_length":{},"metadata":{{"operation":"{operation}","request_id":"req-{at:08}"}}}}"#,
            1 + random.below(4),
        )
        .expect("a string takes all that is written to it");
    }
    let mean = text.len() / LINES as usize;
    assert!((325..=355).contains(&mean), "{mean} bytes a line are not comparable with the figures so far");
    text
}

/// Marsaglia's xorshift: the lines need variety, not chance.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32 % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }
}
