//! What a program was promised. It records with tickets, from several threads, says what these told it, and is killed; whatever
//! was said to be safe must be there, and whatever was refused must not.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use monitor_core::bus::Durability;
use monitor_core::component::{Content, Context, Dirs, SinkConfig};
use monitor_core::event::KindSet;
use monitor_core::pipeline::SinkOptions;
use monitor_core::{Clock, Event, Metadata, Metric, Monitor, Recorded, Zone};
use monitor_sinks::jsonl;

use crate::feed::check;
use crate::oracle::Verdict;
use crate::random::Random;
use crate::times;

/// Tells the program that is killed what to do: `FOLDER LEVEL FIRST`.
const ORDER: &str = "MONITOR_CHAOS_PROGRAM";
/// Where it says, a line each, what it is about to record, and what it was told.
const SAID: &str = "said";

/// In one folder: all that was ever said is read after each kill.
const AT_ONCE: u32 = 20;

#[test]
fn whatever_a_ticket_has_promised_is_kept() {
    let mut random = Random::new();
    for _ in 0..times("MONITOR_CHAOS_TICKETS", AT_ONCE).div_ceil(AT_ONCE) {
        kill_and_look(&mut random);
    }
}

fn kill_and_look(random: &mut Random) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut brought_later = BTreeSet::<u64>::new();
    for kill in 0..AT_ONCE {
        let before = Said::read(folder.path());
        let mut program = start(folder.path(), ["L1", "L2"][kill as usize % 2], &before);
        // A sink that is busy brings home what it has written once a second.
        let pause = Duration::from_millis(random.below(if kill % 4 == 3 { 2_000 } else { 40 }));
        let began = Instant::now();
        while Said::read(folder.path()).safe.len() < before.safe.len() + 10 {
            assert_eq!(program.try_wait().expect("a child"), None, "it has ended by itself");
            assert!(began.elapsed() < Duration::from_secs(30), "nothing becomes safe");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(pause);
        program.kill().expect("a child");
        program.wait().expect("a child");
        let said = Said::read(folder.path());
        let missing = said.verdict(folder.path()).missing.into_iter().collect::<BTreeSet<_>>();
        // What an earlier one has said may just be written again.
        let arrived: BTreeSet<u64> = said.arrived.difference(&before.arrived).copied().collect();
        assert_eq!(missing.intersection(&arrived).collect::<Vec<_>>(), Vec::<&u64>::new(), "L3 after kill {kill}");
        brought_later.extend(missing.intersection(&said.safe));
    }
    // The last one ends as a program does.
    let before = Said::read(folder.path());
    let mut program = start(folder.path(), "L1", &before);
    drop(program.stdin.take());
    assert!(program.wait().expect("a child").success());
    let said = Said::read(folder.path());
    let verdict = said.verdict(folder.path());
    let missing: BTreeSet<u64> = verdict.missing.iter().copied().collect();
    assert_eq!(missing.intersection(&said.safe).collect::<Vec<_>>(), Vec::<&u64>::new(), "promised");
    assert_eq!(said.refused.difference(&missing).collect::<Vec<_>>(), Vec::<&u64>::new(), "refused");
    assert_eq!((verdict.repeated, verdict.spurious, verdict.corrupted), (vec![], 0, 0));
    let in_memory = missing.difference(&said.refused).count();
    println!(
        "{AT_ONCE} kills: of {} events {} were promised, {} of these brought by a later process, {} seen with the sink, and \
         {in_memory} others lost",
        said.offered.len(),
        said.safe.len(),
        brought_later.len(),
        said.arrived.len()
    );
    assert!(!brought_later.is_empty(), "no kill came between the promise and the sink");
    assert!(!said.arrived.is_empty(), "nothing came to the sink before a kill");
    let audit = monitor_core::spool::Audit::of(&folder.path().join("data")).expect("a spool");
    assert_eq!(audit.faults, Vec::<String>::new());
}

/// What the programs have said.
#[derive(Default)]
struct Said {
    offered: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    /// L1 or L2, as they were told to wait for.
    safe: BTreeSet<u64>,
    /// L3.
    arrived: BTreeSet<u64>,
}

impl Said {
    fn read(folder: &Path) -> Self {
        let mut said = Self::default();
        let text = std::fs::read_to_string(folder.join(SAID)).unwrap_or_default();
        // A kill may have cut the last line off, and the next process would go on in it.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            let file = File::options().write(true).open(folder.join(SAID)).expect("a file of our own");
            file.set_len(whole as u64).expect("a file of our own");
        }
        for line in text[..whole].lines() {
            let (what, id) = line.split_once(' ').expect("two words");
            let set = match what {
                "offered" => &mut said.offered,
                "refused" => &mut said.refused,
                "safe" => &mut said.safe,
                "arrived" => &mut said.arrived,
                other => panic!("`{other}`"),
            };
            set.insert(id.parse().expect("a number"));
        }
        said
    }

    fn next(&self) -> u64 {
        self.offered.last().map_or(0, |id| id + 1)
    }

    fn verdict(&self, folder: &Path) -> Verdict {
        Verdict::of_lines(&folder.join("data/events.jsonl"), self.next())
    }
}

fn start(folder: &Path, level: &str, before: &Said) -> Child {
    let program = "tickets::the_program_that_records";
    Command::new(std::env::current_exe().expect("this program"))
        .args([program, "--exact", "--ignored", "--nocapture"])
        .env(ORDER, format!("{} {level} {}", folder.display(), before.next()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("this program again")
}

#[test]
#[ignore = "it is the program that is killed, and is started by the test above"]
fn the_program_that_records() {
    let order = std::env::var(ORDER).expect("it is started by the test above");
    let [folder, level, first] = order.split(' ').collect::<Vec<_>>()[..] else { panic!("three words: {order}") };
    let folder = Path::new(folder);
    let level = if level == "L2" { Durability::L2 } else { Durability::L1 };
    let said = File::options().create(true).append(true).open(folder.join(SAID)).expect("a file");
    let say = |what: &str, id: u64| (&said).write_all(format!("{what} {id}\n").as_bytes()).expect("room");
    let options = SinkOptions { linger: Duration::from_millis(2), ..SinkOptions::default() };
    let monitor = Monitor::builder()
        .data_dir(folder.join("data"))
        .durability(level)
        .sink_with("events", jsonl_sink(&folder.join("data"), level), options)
        .start()
        .expect("starts");
    let next = AtomicU64::new(first.parse().expect("a number"));
    let event = |id: u64| {
        let metadata: Metadata = [("check", check(id).as_str())].into_iter().collect();
        Metric::with_metadata("id", id as f64, metadata)
    };
    let offer = || {
        let id = next.fetch_add(1, Ordering::Relaxed);
        say("offered", id);
        id
    };
    let ended = std::sync::atomic::AtomicBool::new(false);
    let goes_on = || !ended.load(Ordering::Relaxed);
    let long = Duration::from_secs(10);
    std::thread::scope(|scope| {
        for wanted in [level, level, Durability::L3] {
            let (monitor, goes_on, offer, event, say) = (&monitor, &goes_on, &offer, &event, &say);
            scope.spawn(move || {
                while goes_on() {
                    let id = offer();
                    if monitor.record_durable(event(id)).wait(wanted, long) >= wanted {
                        say(if wanted == Durability::L3 { "arrived" } else { "safe" }, id);
                    }
                }
            });
        }
        scope.spawn(|| {
            while goes_on() {
                // Many at once, of which nothing is promised.
                for _ in 0..50 {
                    monitor.record(Event::new(monitor.now(), event(offer())));
                }
                let id = offer();
                let late = monitor.now().plus(Duration::from_secs(10 * 86_400));
                assert!(matches!(monitor.record(Event::new(late, event(id))), Recorded::Dropped(_)));
                say("refused", id);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        // Until nobody is at the other end any more.
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("standard input ends");
        ended.store(true, Ordering::Relaxed);
    });
    // What those before it have left comes first.
    assert_eq!(monitor.flush(6 * long).level, Durability::L3);
    monitor.shutdown();
}

fn jsonl_sink(data: &Path, durability: Durability) -> Box<dyn monitor_core::component::Sink> {
    let context = Context {
        name: "events".into(),
        dirs: Dirs { base: data.to_owned(), data: data.to_owned() },
        clock: Clock::System,
        zone: Zone::UTC,
        content: Content::Events,
        accept: KindSet::ALL,
        durability,
        by: Vec::new(),
    };
    jsonl::Config { path: "events.jsonl".into(), ..jsonl::Config::default() }.open(&context).expect("a file")
}
