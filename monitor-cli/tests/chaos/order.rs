//! Level L2 by the order of calls: nothing is seen, noted or thrown away before what it rests on has been synced.
//!
//! A loss of power cannot be had in a test. What it would leave can be told from the calls, all of them, as `strace` sees
//! them: after a sync that went well the disk has what was written before it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::daemon::Home;
use crate::feed::{Feed, lines};
use crate::oracle::assert_all;
use crate::times;

/// The calls that matter, and of what is written as much as a sink writes at once.
const TRACE: [&str; 6] =
    ["-y", "-s300000", "-o", "|cat", "-e", "trace=write,pwrite64,fsync,fdatasync,ftruncate,/^unlink,/^rename"];

const SEEN: &str = "an event was with a sink before it was safe in the spool";
const READ: &str = "a position was safe before the events up to it";
const NOTED: &str = "the spool noted what a sink had not synced";
const MOVED: &str = "the write-ahead log went into the spool before it was synced";
const FREED: &str = "the write-ahead log was thrown away before the spool was synced";
const NAMED: &str = "the spool got its name before it was synced";

#[test]
fn nothing_is_seen_before_it_is_synced() {
    let wanted = times("MONITOR_CHAOS_SYNCS", 1_000).into();
    let order = traced("L2", wanted);
    println!("{} batches seen, {} cursors noted, {} pages moved to the spool", order.seen, order.noted, order.moved);
    assert_eq!(order.faults, BTreeMap::new());
    assert!(order.seen >= wanted && order.noted > 100 && order.moved > 1 && order.position.0 > 0);
}

/// What does not sync is found out.
#[test]
fn the_order_of_calls_tells_one_level_from_another() {
    let found: Vec<&str> = traced("L1", 100).faults.into_keys().collect();
    assert_eq!(found, BTreeSet::from([SEEN, NOTED, MOVED, FREED]).into_iter().collect::<Vec<_>>());
}

/// Runs the program until it has made so many batches visible.
fn traced(level: &str, wanted: u64) -> Order {
    // Where its only file of lines ends is what is looked for in the accounts.
    let home = Home::with_one_file_each(level);
    let mut feed = Feed::new(home.path());
    let mut child = home.traced(&TRACE).stdout(Stdio::piped()).spawn().expect("strace");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).split(b'\n');
    let seen = AtomicU64::new(0);
    let order = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut order = Order::default();
            for line in lines {
                order.line(&String::from_utf8_lossy(&line.expect("a line")));
                seen.store(order.seen, Ordering::Relaxed);
            }
            order
        });
        while seen.load(Ordering::Relaxed) < wanted && !reader.is_finished() {
            let before = seen.load(Ordering::Relaxed);
            feed.write(1 + feed.written() % 5);
            // A batch that fills more than a page has numbers in two parts: there is to be no backlog, however slow it is.
            for _ in 0..25 {
                std::thread::sleep(Duration::from_millis(2));
                if seen.load(Ordering::Relaxed) > before {
                    break;
                }
            }
        }
        while !home.has_delivered(feed.written()) && !reader.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let process = std::fs::read_to_string(home.data().join("lock")).expect("the process is named there");
        assert!(Command::new("kill").arg(process.trim()).status().expect("kill").success());
        reader.join().expect("the trace is read")
    });
    assert!(child.wait().expect("a child").success(), "{}", home.log());
    assert_all(&home, feed.written(), level);
    order
}

/// What was written to a file, and how much of it is safe: calls are counted.
#[derive(Default)]
struct State {
    begun: u64,
    done: u64,
    safe: u64,
}

impl State {
    fn is_safe(&self) -> bool {
        self.safe == self.begun
    }
}

/// A call that has begun.
struct Call {
    name: String,
    file: String,
    /// Of a sync: how many writes were done when it began.
    covers: u64,
}

#[derive(Default)]
struct Order {
    files: BTreeMap<String, State>,
    /// Calls of threads that were interrupted by a line of another.
    begun: BTreeMap<String, Call>,
    /// What a thread has written and not synced.
    unsynced: BTreeMap<String, BTreeSet<String>>,
    /// Numbers of events in the log of the spool, by the write that brought them.
    in_log: Vec<(u64, u64)>,
    safe: BTreeSet<u64>,
    /// The furthest position in the log, with its write.
    position: (u64, u64),
    /// Where the lines of the source end, as far as it was looked at.
    ends: Vec<u64>,
    /// What the sink `events` has written, and had when it synced.
    length: u64,
    synced: BTreeSet<u64>,
    seen: u64,
    noted: u64,
    moved: u64,
    faults: BTreeMap<&'static str, String>,
}

impl Order {
    fn line(&mut self, line: &str) {
        let Some((thread, rest)) = line.split_once(' ') else { return };
        let rest = rest.trim_start();
        let call = if rest.starts_with("<... ") { self.begun.remove(thread) } else { self.begin(thread, rest) };
        let Some(call) = call else { return };
        if rest.ends_with("<unfinished ...>") {
            self.begun.insert(thread.to_owned(), call);
            return;
        }
        let result = rest.rsplit_once(" = ").and_then(|(_, result)| result.split(' ').next()?.parse::<i64>().ok());
        if let Some(result) = result.filter(|result| *result >= 0) {
            self.end(thread, &call, result.cast_unsigned());
        }
    }

    fn begin(&mut self, thread: &str, text: &str) -> Option<Call> {
        let (name, arguments) = text.split_once('(')?;
        // The file of a descriptor, or the first name.
        let (_, path) = arguments.split_once(['<', '"'])?;
        let file = path.split(['>', '"']).next()?.rsplit('/').next()?.to_owned();
        let state = self.files.entry(file.clone()).or_default();
        let covers = state.done;
        if matches!(name, "write" | "pwrite64") {
            state.begun += 1;
        }
        let ends_log = name != "pwrite64" || arguments.contains(", 32, 0)");
        match (name, file.as_str()) {
            ("write", "events.jsonl") => self.seen(arguments),
            ("ftruncate" | "unlink" | "unlinkat" | "pwrite64", "spool.db-wal") if ends_log => {
                self.check("spool.db", FREED, text);
            }
            ("pwrite64", "spool.db-wal") => self.logged(thread, arguments),
            ("pwrite64", "spool.db") => {
                self.moved += 1;
                self.check("spool.db-wal", MOVED, text);
            }
            ("rename" | "renameat" | "renameat2", "spool.db.part") => self.check("spool.db.part", NAMED, text),
            _ => {}
        }
        Some(Call { name: name.to_owned(), file, covers })
    }

    fn end(&mut self, thread: &str, call: &Call, result: u64) {
        let state = self.files.entry(call.file.clone()).or_default();
        let unsynced = self.unsynced.entry(thread.to_owned()).or_default();
        match call.name.as_str() {
            "write" | "pwrite64" => {
                state.done += 1;
                unsynced.insert(call.file.clone());
                if call.file == "events.jsonl" {
                    self.length += result;
                }
            }
            "fsync" | "fdatasync" => {
                state.safe = state.safe.max(call.covers);
                unsynced.remove(&call.file);
                match call.file.as_str() {
                    "events.jsonl" => drop(self.synced.insert(self.length)),
                    "spool.db-wal" => self.log_is_safe(call.covers),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The sink `events` is about to write these.
    fn seen(&mut self, arguments: &str) {
        assert!(!arguments.contains("\"..., "), "more is written at once than is looked at");
        for id in numbers(arguments, r#"\"value\":"#) {
            if !self.safe.contains(&id) {
                self.fault(SEEN, format!("event {id}"));
            }
        }
        self.seen += 1;
    }

    /// A page is about to be written to the log of the spool.
    fn logged(&mut self, thread: &str, arguments: &str) {
        let write = self.files["spool.db-wal"].begun;
        self.in_log.extend(numbers(arguments, r#"\"value\":"#).map(|id| (write, id)));
        for offset in numbers(arguments, r#"\"offset\":"#) {
            self.position = self.position.max((offset, write));
        }
        // An account ends with the losses, none, and how long the file was.
        for account in arguments.split("events").skip(1).filter_map(|text| text.get(..200.min(text.len()))) {
            let Some((_, mark)) = account.split_once("{}") else { continue };
            // At an end without haste there is none: nothing is to be cut off.
            let Some((length, _)) = mark.split_once(' ').filter(|(length, _)| !length.is_empty()) else { continue };
            let Ok(length) = length.parse::<u64>() else { continue };
            self.noted += 1;
            if length > 0 && !self.synced.contains(&length) {
                self.fault(NOTED, format!("{length} of {}", self.length));
            }
        }
        let others = self.unsynced.get(thread).into_iter().flatten();
        let outputs: Vec<String> = others.filter(|file| file.starts_with("metrics.db-wal")).cloned().collect();
        if !outputs.is_empty() {
            self.fault(NOTED, format!("{outputs:?}"));
        }
    }

    /// What these writes have brought to the log of the spool is on the disk.
    fn log_is_safe(&mut self, writes: u64) {
        self.safe.extend(self.in_log.extract_if(.., |(write, _)| *write <= writes).map(|(_, id)| id));
        while self.safe.contains(&(self.ends.len() as u64)) {
            let length = lines(self.ends.len() as u64).len() as u64;
            self.ends.push(self.ends.last().copied().unwrap_or_default() + length);
        }
        let (offset, write) = self.position;
        if write <= writes && offset > self.ends.last().copied().unwrap_or_default() {
            self.fault(READ, format!("{offset} with {} events", self.ends.len()));
        }
    }

    fn check(&mut self, file: &str, fault: &'static str, call: &str) {
        if !self.files.get(file).is_none_or(State::is_safe) {
            self.fault(fault, call.chars().take(100).collect());
        }
    }

    fn fault(&mut self, fault: &'static str, what: String) {
        self.faults.entry(fault).or_insert(what);
    }
}

/// The numbers behind this text.
fn numbers(text: &str, behind: &str) -> impl Iterator<Item = u64> {
    text.split(behind).skip(1).filter_map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    })
}
