//! Bytes in the spool are read as the events that were written, or not at all; lines and events come back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monitor_core::bus::{Batch, Draft};
use monitor_core::fuzzing::{decode_rows, encode_rows};
use monitor_core::read::LineParser;
use monitor_core::sample::Deriver;
use monitor_core::{Event, Timestamp, Zone};

fuzz_target!(|bytes: &[u8]| {
    let arrival = Timestamp::from_secs(1);
    let (mut parser, mut deriver) = (LineParser::new(Zone::UTC), Deriver::new(&[]));
    if let Some(draft) = decode_rows(bytes, &mut parser, &mut deriver) {
        assert!(draft.bytes() < 1_000 * bytes.len() + 10_000, "{} of {}", draft.bytes(), bytes.len());
        returns(draft);
    }
    let mut lines = Draft::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        _ = lines.push_line(line, arrival, &mut parser, &mut deriver);
    }
    let events: Vec<Event> = returns(lines).events().cloned().collect();
    returns(Draft::new(events, &mut deriver));
});

/// Writes a draft and reads it again: every event and every sample is there as it was.
fn returns(draft: Draft) -> Batch {
    let bytes = encode_rows(&draft);
    let (mut parser, mut deriver) = (LineParser::new(Zone::UTC), Deriver::new(&[]));
    let read = decode_rows(&bytes, &mut parser, &mut deriver).expect("what was encoded");
    let (before, after) = (draft.numbered(0), read.numbered(0));
    assert_eq!(told(&after), told(&before));
    before
}

fn told(batch: &Batch) -> Vec<String> {
    let events = batch.events().map(|event| format!("{event:?}"));
    let bits =
        |sample: monitor_core::sample::Sample<'_>| (sample.time, sample.value.to_bits(), sample.name().into_owned());
    events.chain(batch.samples().iter().map(|sample| format!("{:?}", bits(sample)))).collect()
}
