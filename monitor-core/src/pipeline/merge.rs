//! Several recordings of one time, as one: their events in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Timestamp;
use crate::bus::{Draft, ROWS};

/// Merges streams whose events are in the order of time, or nearly so, and hands on what comes of it. Events of one time
/// keep the order of the streams.
///
/// A stream may say when it begins; until then it is not asked for anything, so a file need not be open before its time.
///
/// # Errors
/// The first that `output` answers; then no more is read.
pub(crate) fn merge_by_time<I, E>(
    streams: Vec<(Option<Timestamp>, I)>,
    mut output: impl FnMut(Draft) -> Result<(), E>,
) -> Result<(), E>
where
    I: Iterator<Item = Draft>,
{
    let mut heads = BinaryHeap::new();
    let mut sources = Vec::with_capacity(streams.len());
    for (at, (begins, drafts)) in streams.into_iter().enumerate() {
        heads.push(Reverse((begins.unwrap_or(Timestamp::MIN), at)));
        sources.push(Some(Stream { drafts, draft: Draft::default(), at: 0 }));
    }
    let mut merged = Draft::default();
    while let Some(Reverse((_, at))) = heads.pop() {
        // It is put back if there is more of it; what has come to its end is let go.
        let Some(mut source) = sources[at].take() else { continue };
        let next = heads.peek().map(|Reverse(next)| *next);
        while let Some(head) = source.head() {
            if next.is_some_and(|next| next < (head, at)) {
                heads.push(Reverse((head, at)));
                sources[at] = Some(source);
                break;
            }
            if next.is_some() || source.at > 0 {
                merged.push_from(&mut source.draft, source.at);
                source.at += 1;
            } else {
                // The last one that is left: its drafts are handed on as they are.
                let draft = std::mem::take(&mut source.draft);
                let before = std::mem::replace(&mut merged, draft);
                if !before.is_empty() {
                    output(before)?;
                }
            }
            if merged.is_full(ROWS) || (next.is_none() && source.at == source.draft.len()) {
                output(std::mem::take(&mut merged))?;
            }
        }
    }
    if merged.is_empty() { Ok(()) } else { output(merged) }
}

struct Stream<I> {
    drafts: I,
    /// What was asked for last, and how much of it has been taken.
    draft: Draft,
    at: usize,
}

impl<I: Iterator<Item = Draft>> Stream<I> {
    /// When the next event happened.
    fn head(&mut self) -> Option<Timestamp> {
        while self.at == self.draft.len() {
            self.draft = self.drafts.next()?;
            self.at = 0;
        }
        Some(self.draft.time(self.at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Event, Metric};
    use crate::sample::Deriver;

    proptest! {
        #[test]
        fn merging_sorted_streams_is_sorting_them(
            streams in prop::collection::vec((prop::collection::vec(0..50_i64, 0..20), 1..7_usize), 0..5)
        ) {
            let mut deriver = Deriver::new(&[]);
            let event = |second: &i64| Event::new(Timestamp::from_secs(*second), Metric::new("m", *second as f64));
            let mut expected = Vec::new();
            let streams = streams.into_iter().map(|(mut times, cut)| {
                times.sort_unstable();
                expected.extend_from_slice(&times);
                let begins = times.first().map(|second| Timestamp::from_secs(*second));
                let drafts: Vec<Draft> =
                    times.chunks(cut).map(|part| Draft::new(part.iter().map(event).collect(), &mut deriver)).collect();
                (begins, drafts.into_iter())
            });
            let mut merged = Vec::new();
            let streams = streams.collect();
            let done = merge_by_time(streams, |draft| {
                merged.extend(draft.samples().iter().map(|sample| (sample.time, sample.value as i64)));
                prop_assert!(!draft.is_empty());
                Ok::<_, TestCaseError>(())
            });
            done?;
            expected.sort_unstable();
            let expected: Vec<_> = expected.into_iter().map(|second| (Timestamp::from_secs(second), second)).collect();
            prop_assert_eq!(merged, expected);
        }
    }

    #[test]
    fn what_is_left_of_the_last_stream_is_handed_on_as_a_whole() {
        let mut deriver = Deriver::new(&[]);
        let mut draft = |seconds: &mut dyn Iterator<Item = i64>| {
            let event = |second| Event::new(Timestamp::from_secs(second), Metric::new("m", 1.0));
            Draft::new(seconds.map(event).collect(), &mut deriver)
        };
        let long = vec![draft(&mut (0..100)), draft(&mut (100..200))];
        let streams = vec![(None, long.into_iter()), (None, vec![draft(&mut (50..51))].into_iter())];
        let mut sizes = Vec::new();
        let done = merge_by_time(streams, |draft| {
            sizes.push(draft.len());
            Ok::<_, ()>(())
        });
        assert_eq!((done, sizes), (Ok(()), vec![101, 100]));
    }
}
