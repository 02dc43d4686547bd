//! Order, bounds and losses of the bus.

use super::*;
use crate::event::{Event, Metric};
use crate::read::LineParser;
use crate::sample::Deriver;
use crate::{Timestamp, Zone};

const NOW: Duration = Duration::ZERO;

fn draft(events: usize) -> Draft {
    let events = (0..events).map(|_| Event::new(Timestamp::MIN, Metric::new("m", 1.0))).collect();
    Draft::new(events, &mut Deriver::new(&[]))
}

fn bus(events: usize) -> Bus {
    Bus::new(Size { events, bytes: usize::MAX })
}

fn first(next: Next) -> Option<u64> {
    match next {
        Next::Batch(batch) => Some(batch.first()),
        Next::Idle | Next::End => None,
    }
}

#[test]
fn every_subscriber_sees_every_batch_in_order() {
    let bus = bus(100);
    let mut cursors = [bus.subscribe(Overflow::DropOldest), bus.subscribe(Overflow::Block(NOW))];
    assert_eq!([bus.publish(draft(3), Lane::Input), bus.publish(draft(2), Lane::Input)], [Ok(0), Ok(3)]);
    for cursor in &mut cursors {
        assert_eq!(
            [first(cursor.next(NOW)), first(cursor.next(NOW)), first(cursor.next(NOW))],
            [Some(0), Some(3), None]
        );
        cursor.commit();
    }
    bus.close();
    assert_eq!(bus.publish(draft(1), Lane::Alerts), Err(Closed));
    assert!(matches!(cursors[0].next(NOW), Next::End));
}

#[test]
fn a_full_bus_takes_the_oldest_from_whom_it_may() {
    let bus = bus(4);
    let mut slow = bus.subscribe(Overflow::DropOldest);
    for _ in 0..4 {
        bus.publish(draft(2), Lane::Input).expect("open");
    }
    assert_eq!((slow.lost(), slow.unread()), (4, 4));
    assert_eq!(first(slow.next(NOW)), Some(4));
    // What was read is in the subscriber's hands: it is not lost, whatever becomes of the log.
    bus.publish(draft(4), Lane::Input).expect("open");
    assert_eq!((slow.lost(), slow.unread()), (6, 4));
}

#[test]
fn one_that_keeps_the_oldest_loses_what_comes_meanwhile() {
    let bus = bus(4);
    let mut slow = bus.subscribe(Overflow::DropNewest);
    let mut quick = bus.subscribe(Overflow::Block(Duration::MAX));
    for at in 0..6 {
        assert_eq!(bus.publish(draft(2), Lane::Input), Ok(2 * at));
        assert_eq!(first(quick.next(NOW)), Some(2 * at));
        quick.commit();
    }
    assert_eq!(first(slow.next(NOW)), Some(0));
    // What it has yet to read stays its own: what was lost behind that is not counted before.
    assert_eq!(slow.commit(), Committed { at: 2, lost: 0, gone: 0 });
    assert_eq!(first(slow.next(NOW)), Some(2));
    assert_eq!(slow.commit(), Committed { at: 12, lost: 8, gone: 0 });
    assert_eq!(first(slow.next(NOW)), None);
    bus.publish(draft(1), Lane::Input).expect("open");
    assert_eq!((first(slow.next(NOW)), slow.unread()), (Some(12), 0));
}

#[test]
fn whoever_publishes_waits_for_one_that_blocks_until_it_stalls() {
    let bus = bus(2);
    let mut slow = bus.subscribe(Overflow::Block(Duration::from_millis(20)));
    let mut other = bus.subscribe(Overflow::Block(Duration::from_secs(60)));
    bus.publish(draft(2), Lane::Input).expect("open");
    assert_eq!(first(other.next(NOW)), Some(0));
    other.commit();
    bus.publish(draft(2), Lane::Input).expect("open");
    assert!(slow.stalled());
    assert_eq!((slow.lost(), other.lost()), (2, 0));
    assert_eq!(first(slow.next(NOW)), Some(2));
    slow.commit();
    assert!(!slow.stalled());
}

#[test]
fn a_waiting_publisher_goes_on_when_the_subscriber_commits() {
    let bus = bus(2);
    let mut cursor = bus.subscribe(Overflow::Block(Duration::from_secs(60)));
    bus.publish(draft(2), Lane::Input).expect("open");
    let publisher = std::thread::spawn({
        let bus = bus.clone();
        move || bus.publish(draft(2), Lane::Input)
    });
    assert_eq!(first(cursor.next(NOW)), Some(0));
    cursor.commit();
    assert_eq!(publisher.join().expect("no panic"), Ok(2));
    assert_eq!(cursor.lost(), 0);
}

#[test]
fn alerts_never_wait_and_outlast_the_input() {
    let bus = bus(1);
    let mut rules = bus.subscribe_input(Overflow::Block(Duration::from_secs(60)));
    bus.publish(draft(1), Lane::Input).expect("open");
    assert_eq!(bus.publish(draft(1), Lane::Alerts), Ok(1));
    bus.end_input();
    assert_eq!(bus.publish(draft(1), Lane::Input), Err(Closed));
    assert_eq!(bus.publish(draft(1), Lane::Alerts), Ok(2));
    assert_eq!([first(rules.next(NOW)), first(rules.next(NOW)), first(rules.next(NOW))], [Some(0), Some(1), Some(2)]);
    assert!(matches!(rules.next(NOW), Next::End));
}

#[test]
fn one_that_moves_is_never_stalled_whatever_the_others_do() {
    let bus = bus(2);
    let _hangs = bus.subscribe(Overflow::Block(Duration::from_secs(2)));
    let mut slow = bus.subscribe(Overflow::Block(Duration::from_millis(1_500)));
    let publisher = std::thread::spawn({
        let bus = bus.clone();
        move || (0..5).for_each(|_| drop(bus.publish(draft(2), Lane::Input)))
    });
    // Each step takes less than its limit, all together take more.
    for _ in 0..5 {
        std::thread::park_timeout(Duration::from_millis(400));
        assert!(first(slow.next(Duration::from_secs(10))).is_some());
        slow.commit();
    }
    publisher.join().expect("no panic");
    assert_eq!((slow.lost(), slow.stalled()), (0, false));
}

#[test]
fn a_bus_is_full_of_few_events_that_are_large() {
    let large = || {
        let metric = Metric::with_metadata("m", 1.0, [("text", "x".repeat(1_000))].into_iter().collect());
        Draft::new(vec![Event::new(Timestamp::MIN, metric)], &mut Deriver::new(&[]))
    };
    let bus = Bus::new(Size { events: 1_000, bytes: 3_000 });
    let slow = bus.subscribe(Overflow::DropOldest);
    for _ in 0..10 {
        bus.publish(large(), Lane::Input).expect("open");
    }
    assert_eq!((slow.lost(), slow.unread()), (8, 2));
}

/// Lines of which the later are read by the shape of the earlier, with what there is to be lost on the way: feedback, scores
/// that are not given, an event that was made.
fn mixed() -> Draft {
    let (mut parser, mut deriver) = (LineParser::new(Zone::UTC), Deriver::new(&[]));
    let mut draft = Draft::default();
    for at in 0..6 {
        let score = if at % 2 == 0 { "null".to_owned() } else { at.to_string() };
        let line = format!(
            r#"{{"type":"evaluation","timestamp":"2026-05-04T14:00:0{at}Z","duration":{at},"success":true,"evaluator_type":"E","scores":{{"a":{{"score":{at},"feedback":"f{at}"}},"b":{score}}}}}"#
        );
        let read = draft.push_line(line.as_bytes(), Timestamp::MIN, &mut parser, &mut deriver);
        assert!(read.expect("an event"));
    }
    draft.push(Event::new(Timestamp::from_secs(9), Metric::new("m", 9.0)), &mut deriver);
    draft
}

fn shown(draft: Draft) -> Vec<String> {
    let missing = format!("{:?}", draft.missing_scores().collect::<Vec<_>>());
    let batch = draft.numbered(0);
    let row = |at| {
        let samples: Vec<_> = batch.samples_of(at).iter().map(|s| (s.name(), s.value, s.feedback)).collect();
        format!("{} {:?} {samples:?}", batch.time(at), batch.event(at))
    };
    (0..batch.len()).map(row).chain([missing]).collect()
}

#[test]
fn events_taken_over_by_another_draft_are_what_they_were() {
    let (mut from, mut to) = (mixed(), Draft::default());
    // Not at the same places.
    to.push(Event::new(Timestamp::from_secs(1), Metric::new("first", 1.0)), &mut Deriver::new(&[]));
    (0..from.len()).for_each(|at| to.push_from(&mut from, at));
    assert_eq!(shown(to)[1..], shown(mixed()));
}

#[test]
fn an_event_taken_out_leaves_the_others_as_they_were() {
    for count in 0..7 {
        // So many of them, then the last but one goes, then the last.
        let first = |count| {
            let (mut from, mut draft) = (mixed(), Draft::default());
            (0..count).for_each(|at| draft.push_from(&mut from, at));
            draft
        };
        let mut draft = first(count);
        let taken = draft.take_before_last();
        let mut expected = Draft::default();
        let mut all = first(count);
        (0..count).filter(|at| at + 2 != count).for_each(|at| expected.push_from(&mut all, at));
        assert_eq!((taken.len(), draft.bytes()), (usize::from(count >= 2), expected.bytes()), "of {count}");
        assert_eq!(shown(draft), shown(expected), "of {count}");
        if count >= 2 {
            assert_eq!(taken.numbered(0).event(0), first(count).numbered(0).event(count - 2));
        }
    }
}
