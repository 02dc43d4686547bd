//! Several recordings of one time, as one: their events in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Timestamp;
use crate::event::Event;

/// Merges streams whose events are in the order of time, or nearly so. Events of one time keep the order of the streams.
///
/// A stream may say when it begins; until then it is not asked for an event, so a file need not be open before its time.
pub fn merge_by_time<I>(streams: Vec<(Option<Timestamp>, I)>) -> impl Iterator<Item = Event>
where
    I: Iterator<Item = Event>,
{
    let mut heads = BinaryHeap::new();
    let mut sources: Vec<I> = Vec::with_capacity(streams.len());
    let mut waiting: Vec<Option<Event>> = Vec::with_capacity(streams.len());
    for (at, (begins, stream)) in streams.into_iter().enumerate() {
        heads.push(Reverse((begins.unwrap_or(Timestamp::MIN), at)));
        sources.push(stream);
        waiting.push(None);
    }
    std::iter::from_fn(move || {
        loop {
            let Reverse((_, at)) = heads.pop()?;
            let ready = waiting[at].take();
            waiting[at] = sources[at].next();
            if let Some(next) = &waiting[at] {
                heads.push(Reverse((next.time, at)));
            }
            if ready.is_some() {
                return ready;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Metric;

    proptest! {
        #[test]
        fn merging_sorted_streams_is_sorting_them(streams in prop::collection::vec(prop::collection::vec(0..50_i64, 0..20), 0..5)) {
            let sorted: Vec<Vec<i64>> = streams.into_iter().map(|mut times| { times.sort_unstable(); times }).collect();
            let event = |time: &i64| Event::new(Timestamp::from_secs(*time), Metric::new("m", 0.0));
            let merged: Vec<i64> = merge_by_time(
                sorted.iter().map(|times| (times.first().map(|time| Timestamp::from_secs(*time)), times.iter().map(event))).collect(),
            )
            .map(|event| event.time.as_micros() / 1_000_000)
            .collect();
            let mut expected = sorted.concat();
            expected.sort_unstable();
            prop_assert_eq!(merged, expected);
        }
    }
}
