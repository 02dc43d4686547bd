//! A server that events are posted to, and that has a bad day: it fails, asks for patience, says nothing, hangs up. Nobody else is
//! held up, and as soon as it answers it has everything.
#![cfg(unix)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use support::Dir;
use support::running::{EVENTS, SOURCE, append, audit, delivered, end, eventually, lines, start, status};

/// What a server does with a request.
const FAILS: usize = 0;
const ASKS_FOR_PATIENCE: usize = 1;
const SAYS_NOTHING: usize = 2;
const HANGS_UP: usize = 3;
const TAKES: usize = 4;

#[derive(Default)]
struct Server {
    mood: AtomicUsize,
    asked: AtomicU64,
    taken: Mutex<Vec<String>>,
}

impl Server {
    /// Serves until the test ends, and tells where.
    fn start(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("a port"));
        let server = Arc::clone(self);
        std::thread::spawn(move || {
            // Those that are told nothing stay open.
            let mut silent = Vec::new();
            for stream in listener.incoming().flatten() {
                silent.extend(server.serve(stream));
            }
        });
        url
    }

    fn serve(&self, mut stream: TcpStream) -> Option<TcpStream> {
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        let mut length = 0;
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a number");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = match self.mood.load(Ordering::SeqCst) {
            FAILS => "500 Internal Server Error\r\n",
            ASKS_FOR_PATIENCE => "429 Too Many Requests\r\nretry-after: 1\r\n",
            SAYS_NOTHING => return Some(stream),
            HANGS_UP => return None,
            _ => {
                let body = String::from_utf8(body).expect("text");
                self.taken.lock().expect("no test has panicked with it").push(body);
                "204 No Content\r\n"
            }
        };
        drop(write!(stream, "HTTP/1.1 {answer}content-length: 0\r\nconnection: close\r\n\r\n"));
        None
    }

    /// Waits until it was asked in this mood.
    fn is_in(&self, mood: usize, dir: &Dir) {
        self.mood.store(mood, Ordering::SeqCst);
        let before = self.asked.load(Ordering::SeqCst);
        eventually("it is asked", dir, || self.asked.load(Ordering::SeqCst) >= before + 2);
    }

    fn taken(&self) -> String {
        self.taken.lock().expect("no test has panicked with it").concat()
    }
}

#[test]
fn a_server_on_a_bad_day_gets_everything_when_it_is_over_and_holds_nobody_up() {
    let (dir, server) = (Dir::new(), Arc::new(Server::default()));
    let url = server.start();
    let hook = format!("[sinks.hook]\ntype = \"http\"\nurl = \"{url}\"\nlimit = \"100ms\"\nlinger = \"1ms\"\n");
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}{hook}"));
    let child = start(&dir);
    let mut events = 0;
    for mood in [FAILS, ASKS_FOR_PATIENCE, SAYS_NOTHING, HANGS_UP] {
        append(&dir, &lines(events..events + 300));
        events += 300;
        server.is_in(mood, &dir);
        delivered(&dir, "events", events.into());
        assert_eq!(status(&dir)["sinks"]["hook"]["pending"], events, "in the mood {mood}");
    }
    server.mood.store(TAKES, Ordering::SeqCst);
    delivered(&dir, "hook", events.into());
    let ended = end(child);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let value =
        |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["value"].as_f64().expect("a number") as u32;
    let taken: BTreeSet<u32> = server.taken().lines().map(value).collect();
    assert!(taken == (0..events).collect());
    audit(&dir);
}

const ALERT: &str = r#"{"type":"alert","timestamp":"2026-05-04T14:12:00Z","name":"much","state":"firing","level":"error","message":"it is much","labels":{},"value":9.0,"data":null,"since":"2026-05-04T14:12:00Z","key":"much@2026-05-04T14:12:00Z/firing"}"#;

#[test]
fn a_chat_that_cannot_be_reached_hears_of_the_alert_when_it_can() {
    let (dir, server) = (Dir::new(), Arc::new(Server::default()));
    let chat = format!(
        "[sinks.chat]\ntype = \"webhook\"\nurl = \"{}\"\npreset = \"slack\"\nlimit = \"100ms\"\n",
        server.start()
    );
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}{chat}"));
    let child = start(&dir);
    append(&dir, &lines(0..10));
    // A rule would fire at the next full minute; this one comes from another monitor.
    append(&dir, &(ALERT.to_owned() + "\n"));
    for mood in [FAILS, ASKS_FOR_PATIENCE, SAYS_NOTHING, HANGS_UP] {
        server.is_in(mood, &dir);
    }
    assert!(dir.read("monitoring/events.jsonl").contains("it is much"));
    assert_eq!(server.taken(), "");
    server.mood.store(TAKES, Ordering::SeqCst);
    eventually("the chat has it", &dir, || server.taken().contains("it is much"));
    assert_eq!(end(child).code, Some(0));
    audit(&dir);
}
