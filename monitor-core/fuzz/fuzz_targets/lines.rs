//! Whatever the lines before were like, a line is read as it is read alone, yields the samples of its event, and is that
//! event still when somebody asks for it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monitor_core::bus::Draft;
use monitor_core::read::LineParser;
use monitor_core::sample::{Deriver, Samples};
use monitor_core::{Timestamp, Zone};

fuzz_target!(|bytes: &[u8]| {
    let arrival = Timestamp::from_secs(1);
    let (mut parser, mut of_lines) = (LineParser::new(Zone::UTC), LineParser::new(Zone::UTC));
    let labels = ["user".into(), "message".into()];
    let (mut deriver, mut of_events) = (Deriver::new(&labels), Deriver::new(&labels));
    for line in bytes.split(|byte| *byte == b'\n') {
        let alone = parser.parse_alone(line, arrival);
        assert_eq!(parser.parse(line, arrival), alone);

        let mut draft = Draft::default();
        let read = draft.push_line(line, arrival, &mut of_lines, &mut deriver);
        assert_eq!(read.is_ok_and(|read| read), matches!(alone, Ok(Some(_))));
        if let Ok(Some(event)) = alone {
            let mut samples = Samples::default();
            of_events.derive(&event, &mut samples);
            let batch = draft.numbered(0);
            assert_eq!(told(batch.samples()), told(&samples));
            // Its text, too: -0.0 equals 0.0.
            assert_eq!(format!("{:?}", batch.event(0)), format!("{event:?}"));
        }
    }
});

fn told(samples: &Samples) -> String {
    let one = |sample: monitor_core::sample::Sample<'_>| {
        format!(
            "{} {} {}{} {:?}\n",
            sample.time,
            sample.value.to_bits(),
            sample.name(),
            sample.series.labels(),
            sample.feedback
        )
    };
    samples.iter().map(one).collect()
}
