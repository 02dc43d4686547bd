//! What is written is read again, gaps are counted, and a damaged file is set aside.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::bus::{Bus, Lane, Next, Overflow, Position, Size};
use crate::event::{Evaluation, Event, Generation, Log, Metric};
use crate::{Timestamp, Zone};

const NOW: Duration = Duration::ZERO;

fn open(folder: &Path, quota: u64) -> Arc<Spool> {
    let (parser, deriver) = (LineParser::new(Zone::UTC), Deriver::new(&[]));
    Arc::new(Spool::open(folder, Durability::L1, quota, parser, deriver, ()).expect("a spool").0)
}

fn draft(values: std::ops::Range<u32>) -> Draft {
    let events = values.map(|value| Event::new(Timestamp::from_secs(1), Metric::new("m", f64::from(value)))).collect();
    Draft::new(events, &mut Deriver::new(&[]))
}

fn values(batch: &Batch) -> Vec<u32> {
    batch.samples().iter().map(|sample| sample.value as u32).collect()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", ".{0,12}", Just("\"\\\n\u{7f}é".to_owned())]
}

fn event() -> impl Strategy<Value = Event> {
    let number = || prop_oneof![0.0..1e6_f64, Just(0.0), Just(1e-9), any::<u32>().prop_map(f64::from)];
    let generation =
        (number(), any::<bool>(), text(), any::<Option<u32>>(), text()).prop_map(|(s, ok, model, n, error)| {
            let mut generation = Generation::new(s, ok).model(model);
            generation.tokens.total = n.map(u64::from);
            generation.error = (!ok).then(|| error.into());
            generation.into()
        });
    let evaluation = (number(), any::<bool>(), text(), number())
        .prop_map(|(s, ok, name, score)| Evaluation::new(format!("e{name}"), s, ok).score("quality", score).into());
    let metric = (text(), number(), text(), text()).prop_map(|(name, value, key, text)| {
        let metadata = [(Text::from(format!("k{key}")), serde_json::Value::from(text))].into_iter().collect();
        Metric::with_metadata(Text::from(format!("m{name}")), value, metadata).into()
    });
    let log = text().prop_map(|message| Log::new(crate::event::Level::Warning, message).into());
    let body = prop_oneof![generation, evaluation, metric, log];
    (0..4_000_000_000_000_000_i64, body)
        .prop_map(|(micros, body): (i64, crate::event::Body)| Event::new(Timestamp::from_micros(micros), body))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn what_is_encoded_is_read_as_it_was(events in prop::collection::vec(event(), 1..20)) {
        let mut deriver = Deriver::new(&[]);
        let draft = Draft::new(events.clone(), &mut deriver);
        let mut bytes = Vec::new();
        rows::encode(&draft, &mut bytes);
        let count = events.len();
        let read = rows::decode(&bytes, &mut LineParser::new(Zone::UTC), &mut deriver).expect("what was encoded");
        let (before, after) = (draft.numbered(7), read.numbered(7));
        prop_assert_eq!(after.events().cloned().collect::<Vec<_>>(), events);
        let samples = |batch: &Batch| batch.samples().iter().map(|s| (s.time, s.value, s.series.clone())).collect::<Vec<_>>();
        prop_assert_eq!(samples(&before), samples(&after));
        // Cut short anywhere it is read as less, or not at all, and never as something else.
        for length in (0..bytes.len()).step_by(31) {
            let less = rows::decode(&bytes[..length], &mut LineParser::new(Zone::UTC), &mut deriver);
            prop_assert!(less.is_none_or(|draft| draft.len() < count));
        }
    }
}

#[test]
fn a_row_outside_of_time_is_no_row() {
    let line = br#"{"type":"log","level":"info","message":"m"}"#;
    let row = |time: i64| [&time.to_le_bytes()[..], &(line.len() as u32).to_le_bytes(), line].concat();
    let read = |time| rows::decode(&row(time), &mut LineParser::new(Zone::UTC), &mut Deriver::new(&[]));
    assert_eq!(read(0).map(|draft| draft.time(0)), Some(Timestamp::MIN));
    // Written as text it could not be read again.
    assert!(read(-1).is_none() && read(i64::MAX).is_none());
}

#[test]
fn a_sink_that_falls_behind_gets_everything_in_order_and_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = open(folder.path(), 1 << 30);
    let name = Text::new_static("slow");
    spool.sink(&name);
    let bus = Bus::with_backlog(Size { events: 10, bytes: usize::MAX }, Some(spool));
    let mut slow = bus.subscribe_at(Overflow::Spill, 0);
    for at in 0..50 {
        bus.publish(draft(4 * at..4 * at + 4), Lane::Input).expect("open");
    }
    let mut seen = Vec::new();
    while let Next::Batch(batch) = slow.next(NOW) {
        seen.extend(values(&batch));
        if batch.first() == 100 {
            // It has to catch up with what goes on.
            bus.publish(draft(200..204), Lane::Input).expect("open");
        }
    }
    assert_eq!(seen, (0..204).collect::<Vec<_>>());
    assert_eq!((slow.lost(), slow.gone(), slow.commit().at), (0, 0, 204));
}

#[test]
fn the_next_process_goes_on_where_a_sink_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = Text::new_static("s");
    let position = |value: &str| Position { source: "file".into(), key: "a".into(), value: Some(value.into()) };
    {
        let spool = open(folder.path(), 1 << 30);
        let (begin, key) = spool.sink(&name);
        for at in 0..5 {
            let mut draft = draft(at * 10..at * 10 + 10);
            draft.set_positions(vec![position(&at.to_string())]);
            spool.append(u64::from(at) * 10, &draft).expect("room");
        }
        spool.settle(&name, key, SinkAccount { position: 20, delivered: 20, mark: Some(b"m".to_vec()), ..begin });
        spool.flush().expect("room");
        // It is not closed: the process is killed.
        std::mem::forget(spool);
    }
    let spool = open(folder.path(), 1 << 30);
    assert_eq!(spool.next_sequence(), 50);
    assert_eq!(spool.positions(&"file".into()), [("a".into(), "4".into())]);
    let (account, _) = spool.sink(&name);
    assert_eq!((account.position, account.delivered, account.mark.as_deref()), (20, 20, Some(&b"m"[..])));
    assert!(account.closes());
    let batch = spool.read(20).expect("readable").expect("there");
    assert_eq!((batch.first(), values(&batch)), (20, (20..30).collect()));
    assert!(spool.read(50).expect("readable").is_none());
}

#[test]
fn what_a_full_spool_lets_go_of_is_a_gap_that_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let quota = 4_000;
    let spool = open(folder.path(), quota);
    spool.sink(&Text::new_static("s"));
    let bus = Bus::with_backlog(Size { events: 10, bytes: usize::MAX }, Some(Arc::clone(&spool) as Arc<dyn Backlog>));
    let mut cursor = bus.subscribe_at(Overflow::Spill, 0);
    for at in 0..200 {
        bus.publish(draft(at * 5..at * 5 + 5), Lane::Input).expect("open");
    }
    assert!(spool.written().bytes <= quota + 4_000, "{}", spool.written().bytes);
    let mut seen = 0;
    while let Next::Batch(batch) = cursor.next(NOW) {
        seen += batch.len() as u64;
    }
    assert!(cursor.gone() > 0);
    assert_eq!(seen + cursor.gone(), 1_000);
}

#[test]
fn a_row_that_is_damaged_is_a_gap_and_those_behind_it_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let spool = open(folder.path(), 1 << 30);
        spool.sink(&Text::new_static("s"));
        for at in 0..3 {
            spool.append(u64::from(at) * 10, &draft(at * 10..at * 10 + 10)).expect("room");
        }
    }
    let connection = Connection::open(folder.path().join(SPOOL_FILE)).expect("a database");
    let data = "SELECT data FROM batch WHERE first = 10";
    let mut data: Vec<u8> = connection.query_row(data, [], |row| row.get(0)).expect("a row");
    // A digit of a value becomes another one: only the checksum can tell.
    let digit = data.windows(2).rposition(|pair| pair == b"18").expect("a value") + 1;
    data[digit] ^= 1;
    connection.execute("UPDATE batch SET data = ?1 WHERE first = 10", [data]).expect("a row");
    let spool = open(folder.path(), 1 << 30);
    let bus = Bus::with_backlog(Size { events: 10, bytes: usize::MAX }, Some(spool));
    let mut cursor = bus.subscribe_at(Overflow::Spill, 0);
    let mut seen = Vec::new();
    while let Next::Batch(batch) = cursor.next(NOW) {
        seen.extend(values(&batch));
    }
    assert_eq!((seen, cursor.gone()), ((0..10).chain(20..30).collect(), 10));
    let audit = Audit::of(folder.path()).expect("a spool");
    assert_eq!((audit.recounted, audit.closes()), (20, false));
}

#[test]
fn a_batch_comes_back_with_its_source_and_one_of_an_older_spool_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = |source: &'static str| {
        let mut draft = draft(0..10);
        draft.set_source(Some(Text::new_static(source)));
        draft
    };
    {
        let spool = open(folder.path(), 1 << 30);
        spool.sink(&Text::new_static("s"));
        spool.append(0, &draft(0..10)).expect("room");
    }
    // As a program of version 2 would have left it.
    let connection = Connection::open(folder.path().join(SPOOL_FILE)).expect("a database");
    let older = "ALTER TABLE batch DROP COLUMN source; PRAGMA user_version = 2;";
    connection.execute_batch(older).expect("an older version");
    assert!(Audit::of(folder.path()).expect("a spool").closes());
    let spool = open(folder.path(), 1 << 30);
    spool.append(10, &from("app")).expect("room");
    let bus = Bus::with_backlog(Size { events: 10, bytes: usize::MAX }, Some(spool));
    let mut cursor = bus.subscribe_at(Overflow::Spill, 0);
    let mut sources = Vec::new();
    while let Next::Batch(batch) = cursor.next(NOW) {
        sources.push((batch.first(), batch.source().map(str::to_owned)));
    }
    assert_eq!(sources, [(0, None), (10, Some("app".to_owned()))]);
    // The checksum is of the source, too.
    assert!(Audit::of(folder.path()).expect("a spool").closes());
    connection.execute("UPDATE batch SET source = 'other' WHERE first = 10", []).expect("a row");
    assert!(!Audit::of(folder.path()).expect("a spool").closes());
}

#[test]
fn a_spool_that_was_taken_back_is_noticed_and_no_number_is_given_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = Text::new_static("s");
    {
        let spool = open(folder.path(), 1 << 30);
        let (begin, key) = spool.sink(&name);
        spool.append(0, &draft(0..10)).expect("room");
        spool.settle(&name, key, SinkAccount { position: 10, delivered: 10, mark: Some(b"m".to_vec()), ..begin });
        spool.settle_down().expect("room");
        spool.append(10, &draft(10..15)).expect("room");
        std::mem::forget(spool);
    }
    // A bit flips in the write-ahead log: SQLite reads it up to there, and says nothing.
    let later = tempfile::tempdir().expect("a folder");
    for name in [SPOOL_FILE, "spool.db-wal", high_water::FILE] {
        let mut bytes = std::fs::read(folder.path().join(name)).expect("a file");
        if name == "spool.db-wal" {
            bytes[60] ^= 1;
        }
        std::fs::write(later.path().join(name), bytes).expect("a file");
    }
    let folder = later;
    let (parser, deriver) = (LineParser::new(Zone::UTC), Deriver::new(&[]));
    let (spool, found) = Spool::open(folder.path(), Durability::L1, 1 << 30, parser, deriver, ()).expect("a spool");
    assert_eq!((found.taken_back, spool.next_sequence()), (5, 15));
    let (account, _) = spool.sink(&name);
    assert_eq!((account.position, account.mark), (10, None), "what the sink has got is not cut off");
}

#[test]
fn what_a_sink_wrote_before_it_was_taken_out_is_not_cut_off_when_it_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = open(folder.path(), 1 << 30);
    let name = Text::new_static("s");
    let (account, key) = spool.sink(&name);
    spool.settle(&name, key, SinkAccount { mark: Some(b"m".to_vec()), dead_letter_bytes: 7, ..account });
    let next = spool.next_sequence();
    spool.retire(&name, next);
    let (account, _) = spool.sink(&name);
    assert_eq!((account.mark, account.dead_letter_bytes), (None, NEVER_CUT));
}

#[test]
fn numbers_of_alerts_that_were_not_written_down_are_not_given_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = Text::new_static("s");
    {
        let spool = open(folder.path(), 1 << 30);
        let (begin, key) = spool.sink(&name);
        spool.append(0, &draft(0..10)).expect("room");
        spool.settle(&name, key, SinkAccount { position: 12, delivered: 12, ..begin });
        spool.flush().expect("room");
    }
    assert_eq!(open(folder.path(), 1 << 30).next_sequence(), 12);
}

#[test]
fn an_event_that_no_reader_takes_costs_only_itself() {
    let mut deriver = Deriver::new(&[]);
    let events = [Metric::new("m", 1.0).into(), Evaluation::new("", 1.0, true).into(), Metric::new("m", 2.0).into()];
    let events = events.map(|body: crate::event::Body| Event::new(Timestamp::from_secs(1), body));
    let mut bytes = Vec::new();
    rows::encode(&Draft::new(events.to_vec(), &mut deriver), &mut bytes);
    let read =
        rows::decode(&bytes, &mut LineParser::new(Zone::UTC), &mut deriver).expect("what was encoded").numbered(0);
    let read: Vec<Event> = read.events().cloned().collect();
    assert_eq!((&read[0], &read[2]), (&events[0], &events[2]));
    let crate::event::Body::Log(log) = &read[1].body else { panic!("{:?}", read[1]) };
    assert!(log.message.contains("`evaluator_type` is empty"), "{log:?}");
}

#[test]
fn a_file_that_is_no_spool_is_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(SPOOL_FILE), "this is no database, however long it is ".repeat(100))
        .expect("a file");
    let (parser, deriver) = (LineParser::new(Zone::UTC), Deriver::new(&[]));
    let (spool, found) = Spool::open(folder.path(), Durability::L1, 1 << 30, parser, deriver, ()).expect("a new one");
    assert_eq!(found.set_aside, Some(folder.path().join("spool.db.damaged-1")));
    assert_eq!(spool.next_sequence(), 0);
}

#[test]
fn whatever_is_left_of_one_that_was_cut_short_a_start_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let fill = |first: u32| {
        let spool = open(folder.path(), 1 << 30);
        spool.append(first.into(), &draft(first..first + 500)).expect("room");
        spool.flush().expect("room");
        spool
    };
    drop(fill(0));
    // With a log, and with the index of one, as a process that is killed leaves them.
    let kept = fill(500);
    let of = |ending: &str| std::fs::read(folder.path().join(format!("{SPOOL_FILE}{ending}"))).expect("a file");
    let [database, log, index] = ["", "-wal", "-shm"].map(of);
    drop(kept);
    let mut set_aside = 0;
    for length in (0..database.len()).step_by(1 + database.len() / 100) {
        let other = tempfile::tempdir().expect("a folder");
        for (ending, bytes) in [("", &database[..length]), ("-wal", &log), ("-shm", &index)] {
            std::fs::write(other.path().join(format!("{SPOOL_FILE}{ending}")), bytes).expect("a file of our own");
        }
        let (parser, deriver) = (LineParser::new(Zone::UTC), Deriver::new(&[]));
        let opened = Spool::open(other.path(), Durability::L1, 1 << 30, parser, deriver, ());
        let (_, found) = opened.unwrap_or_else(|error| panic!("{length} bytes of {}: {error}", database.len()));
        set_aside += u32::from(found.set_aside.is_some());
    }
    assert!(set_aside > 50, "{set_aside} set aside");
}

#[test]
fn a_sink_that_is_taken_out_holds_nothing_back_and_its_books_close() {
    let folder = tempfile::tempdir().expect("a folder");
    let (gone, stays) = (Text::new_static("gone"), Text::new_static("stays"));
    {
        let spool = open(folder.path(), 1 << 30);
        spool.sink(&gone);
        spool.sink(&stays);
        spool.append(0, &draft(0..10)).expect("room");
    }
    {
        let spool = open(folder.path(), 1 << 30);
        let (account, key) = spool.sink(&stays);
        spool.retire_others();
        spool.settle(&stays, key, SinkAccount { position: 10, delivered: 10, ..account });
        spool.append(10, &draft(10..15)).expect("room");
        spool.flush().expect("room");
    }
    let books = Books::read(folder.path()).expect("a spool");
    let sink = &books.sinks[&gone];
    assert_eq!((sink.pending, sink.account.lost.get("removed"), sink.account.closes()), (0, Some(&10), true));
    assert_eq!((books.sinks[&stays].pending, books.kept), (5, 5));
    // It comes back, and what came meanwhile was not for it.
    let spool = open(folder.path(), 1 << 30);
    let (account, _) = spool.sink(&gone);
    assert!(account.closes());
    assert_eq!((account.position, account.lost_total()), (15, 10));
}

#[test]
fn whoever_was_left_behind_has_no_key_to_the_account_of_its_successor() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = open(folder.path(), 1 << 30);
    let name = Text::new_static("s");
    let (account, old) = spool.sink(&name);
    spool.append(0, &draft(0..10)).expect("room");
    spool.retire(&name, 10);
    let (begin, key) = spool.sink(&name);
    spool.append(10, &draft(10..20)).expect("room");
    spool.settle(&name, key, SinkAccount { position: 15, delivered: 5, ..begin });
    // It comes back from a write, and says that it has all.
    spool.settle(&name, old, SinkAccount { position: 20, delivered: 20, ..account });
    spool.flush().expect("room");
    let books = Books::read(folder.path()).expect("a spool");
    assert_eq!((books.sinks[&name].pending, books.kept), (5, 10));
    assert!(Audit::of(folder.path()).expect("a spool").closes());
}

#[test]
fn to_look_at_a_spool_at_rest_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    // What means something in the address of a file means nothing in its name.
    let folder = folder.path().join("50% of #1?mode=x");
    std::fs::create_dir(&folder).expect("a folder");
    let spool = open(&folder, 1 << 30);
    spool.append(0, &draft(0..10)).expect("room");
    // While it is open, what is in the write-ahead log is seen.
    assert_eq!(Books::read(&folder).expect("a spool").numbered, 10);
    spool.flush().expect("room");
    drop(spool);
    let files = || {
        let names = std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = files();
    assert!(!before.iter().any(|name| name.to_string_lossy().ends_with("-wal")), "{before:?}");
    assert_eq!(Books::read(&folder).expect("a spool").numbered, 10);
    assert_eq!(files(), before);
}

#[test]
fn what_the_spool_has_let_go_of_is_told_before_a_sink_comes_upon_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = open(folder.path(), 1_000);
    let name = Text::new_static("s");
    spool.sink(&name);
    for at in 0..200_u32 {
        spool.append(u64::from(at) * 10, &draft(at * 10..at * 10 + 10)).expect("room");
    }
    spool.flush().expect("room");
    let audit = Audit::of(folder.path()).expect("a spool");
    let sink = &audit.books.sinks[&name];
    assert!(audit.books.kept < 200 && sink.pending == audit.books.kept, "{sink:?}");
    assert_eq!(sink.pending + sink.account.lost["gone"], 2_000);
    assert_eq!(audit.faults, Vec::<String>::new());
}

#[test]
fn a_spool_that_is_damaged_while_it_is_open_is_set_aside_and_all_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(SPOOL_FILE);
    let spool = open(folder.path(), 1 << 30);
    let name = Text::new_static("s");
    let (account, key) = spool.sink(&name);
    for at in 0..50_u32 {
        spool.append(u64::from(at) * 10, &draft(at * 10..at * 10 + 10)).expect("room");
    }
    spool.settle(&name, key, SinkAccount { position: 20, delivered: 20, ..account });
    spool.settle_down().expect("room");
    // All but the first page is noise, and nothing of it is in memory.
    let mut bytes = std::fs::read(&path).expect("the spool");
    bytes[32 << 10..].fill(0xA5);
    std::fs::write(&path, bytes).expect("the spool");
    spool.written().connection.execute_batch("PRAGMA shrink_memory").expect("a pragma");
    let tries: Vec<bool> = (0..4).map(|_| spool.append(500, &draft(500..510)).is_ok()).collect();
    assert!(tries.contains(&true), "{tries:?}");
    assert!(folder.path().join("spool.db.damaged-1").exists());
    spool.flush().expect("room");
    let books = Books::read(folder.path()).expect("a spool");
    assert!(books.numbered >= 510 && books.sinks[&name].account.position >= 20, "{books:?}");
    // What is new is there, and the same spool goes on.
    let batch = spool.read(500).expect("a spool").expect("a batch");
    assert_eq!(values(&batch), (500..510).collect::<Vec<_>>());
    let id = spool.id();
    drop(spool);
    assert_eq!(open(folder.path(), 1 << 30).id(), id);
}

#[test]
fn what_could_not_be_noted_in_the_spool_stands_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = Text::new_static("s");
    {
        let spool = open(folder.path(), 1 << 30);
        let (account, key) = spool.sink(&name);
        spool.settle(&name, key, SinkAccount { mark: Some(b"m".to_vec()), dead_letter_bytes: 7, ..account });
        spool.flush().expect("room");
    }
    // Somebody else is at it for longer than it is waited for.
    let other = Connection::open(folder.path().join(SPOOL_FILE)).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("it is ours");
    Spool::forget_marks(folder.path());
    drop(other);
    let (account, _) = open(folder.path(), 1 << 30).sink(&name);
    assert_eq!((account.mark, account.dead_letter_bytes), (None, NEVER_CUT));
    assert!(!folder.path().join(VOID).exists());
}
