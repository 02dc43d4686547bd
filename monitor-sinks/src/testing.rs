//! A server on this machine that answers as a test wants, and keeps what it was sent.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use monitor_core::bus::{Batch, Draft, Durability};
use monitor_core::component::{Answer, Content, Context, Delivery, Dirs, Item, Sink, SinkConfig};
use monitor_core::event::KindSet;
use monitor_core::sample::Deriver;
use monitor_core::{Clock, Event, Timestamp, Zone};

/// What was asked.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }
}

/// Answers with a status, headers and a body, as they go over the line.
pub(crate) fn answers(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n{body}", body.len())
}

/// Serves requests one by one until nobody has the receiver any more; an answer of nothing closes the connection. Gives back
/// where, and what it is sent.
pub(crate) fn serve(mut answer: impl FnMut(&Request) -> String + Send + 'static) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook/secret", listener.local_addr().expect("a port"));
    let (home, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            let Some(request) = read(&mut reader) else { continue };
            let response = answer(&request);
            if home.send(request).is_err() {
                return;
            }
            drop(stream.write_all(response.as_bytes()));
        }
    });
    (url, requests)
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.take_while(|line| !line.is_empty());
    let headers = headers.filter_map(|line| line.split_once(": ").map(|(n, v)| (n.to_lowercase(), v.to_owned())));
    let mut request = Request { path, headers: headers.collect(), body: Vec::new() };
    match request.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => {
            request.body = vec![0; length];
            reader.read_exact(&mut request.body).ok()?;
        }
        None => return None,
    }
    Some(request)
}

/// Opens a sink as the host does.
pub(crate) fn open(config: &impl SinkConfig, folder: &Path) -> Box<dyn Sink> {
    open_at(config, folder, &Clock::manual(Timestamp::from_secs(1_777_903_200)))
}

/// Opens a sink that has this clock.
pub(crate) fn open_at(config: &impl SinkConfig, folder: &Path, clock: &Clock) -> Box<dyn Sink> {
    let context = Context {
        name: "test".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock: clock.clone(),
        zone: Zone::UTC,
        content: Content::Events,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: Durability::L0,
    };
    config.open(&context).expect("opens")
}

pub(crate) fn write(sink: &mut dyn Sink, events: Vec<Event>) -> Answer {
    let batch: Batch = Draft::new(events, &mut Deriver::new(&[])).numbered(0);
    let items: Vec<Item<'_>> = (0..batch.len()).map(|at| Item::new(&batch, at)).collect();
    sink.write(&Delivery::new(&items))
}
