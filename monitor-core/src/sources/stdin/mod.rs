//! `stdin`: events from standard input, a line an event, for as long as somebody writes.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{BoxError, Context, Dirs, Resource, Source, SourceConfig, SourceDefinition, Validate};
use crate::pipeline::{Emitter, Place};
use crate::read::{Lines, Next, Reason, Refusal};

/// The definition of `type = "stdin"`.
pub static DEFINITION: SourceDefinition = SourceDefinition::source::<Config>(
    "stdin",
    "reads events from standard input, one a line, plain, gzip or zstd",
    include_str!("sample.toml"),
);

/// It has no keys of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl Validate for Config {}

impl SourceConfig for Config {
    fn bounded(&self) -> bool {
        false
    }

    fn resources(&self, _: &Dirs) -> Vec<Resource> {
        vec![Resource::Stdin]
    }

    fn open(&self, _: &Context) -> Result<Box<dyn Source>, BoxError> {
        Ok(Box::new(StdinSource))
    }
}

/// It is read by this much at a time,
const CHUNK: usize = 64 << 10;
/// and as many of them ahead.
const AHEAD: usize = 16;
/// How often it is looked whether that is enough.
const LOOK: Duration = Duration::from_millis(20);

struct StdinSource;

impl Source for StdinSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let mut input = Ahead::new(io::stdin(), out.stop_signal())?;
        let waiting = Arc::clone(&input.waiting);
        if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            return read(MultiGzDecoder::new(input), &waiting, out);
        }
        read(input, &waiting, out)
    }

    fn endless(&self) -> bool {
        true
    }

    /// What waits for it in the kernel takes the next that comes along.
    fn can_be_replaced(&self) -> bool {
        false
    }
}

fn read(input: impl Read, waiting: &AtomicUsize, out: &mut Emitter) -> Result<(), BoxError> {
    let mut lines = Lines::new(BufReader::with_capacity(CHUNK, input));
    // What was read ahead is nowhere else any more: also after a stop it goes on to the end of that.
    loop {
        // The next read may wait: what is there must not wait with it.
        if !lines.has_line() && waiting.load(Ordering::Acquire) == 0 {
            out.flush()?;
        }
        let number = lines.number() + 1;
        let place = Place { file: None, line: Some(number) };
        let next = match lines.next(true) {
            Err(error) if out.stopped() && error.kind() == io::ErrorKind::UnexpectedEof => break,
            next => next?,
        };
        match next {
            Next::Line(line) => out.line(line, place)?,
            Next::TooLong(head) => out.refuse(&Refusal::too_long(), head, place),
            Next::End => break,
        }
    }
    Ok(())
}

/// Reads ahead on a thread of its own, so that it is known whether there is more without waiting for it.
struct Ahead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// How many chunks wait to be taken.
    waiting: Arc<AtomicUsize>,
    chunk: Vec<u8>,
    /// So much of it was taken.
    taken: usize,
    /// Nothing more is to be read; what was is taken still.
    stop: Arc<AtomicBool>,
}

impl Ahead {
    fn new(mut input: impl Read + Send + 'static, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let (sender, chunks) = sync_channel(AHEAD);
        let waiting = Arc::new(AtomicUsize::new(0));
        let ahead =
            Self { chunks, waiting: Arc::clone(&waiting), chunk: Vec::new(), taken: 0, stop: Arc::clone(&stop) };
        let read = move || {
            while !stop.load(Ordering::Relaxed) {
                let mut chunk = vec![0; CHUNK];
                let result = match input.read(&mut chunk) {
                    Ok(0) => return,
                    Ok(read) => {
                        chunk.truncate(read);
                        Ok(chunk)
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let failed = result.is_err();
                waiting.fetch_add(1, Ordering::Release);
                if sender.send(result).is_err() || failed {
                    return;
                }
            }
        };
        // It may wait in the kernel for ever, and is left behind then.
        thread::Builder::new().name("standard input".to_owned()).spawn(read)?;
        Ok(ahead)
    }
}

impl Ahead {
    /// The next chunk; an empty one at the end.
    fn next(&self) -> io::Result<Vec<u8>> {
        loop {
            match self.chunks.recv_timeout(LOOK) {
                Ok(chunk) => return chunk,
                Err(RecvTimeoutError::Timeout) if !self.stop.load(Ordering::Relaxed) => {}
                Err(_) => return Ok(Vec::new()),
            }
        }
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.chunk.len() {
            // The thread has ended at the end of the input.
            let next = self.next();
            if next.as_ref().is_ok_and(|chunk| !chunk.is_empty()) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            (self.chunk, self.taken) = (next?, 0);
        }
        Ok(&self.chunk[self.taken..])
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount;
    }
}

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl Refusal {
    /// The refusal of a line that is longer than [`crate::read::MAX_LINE`].
    pub(crate) fn too_long() -> Self {
        Self::new(Reason::TooLong, "the line is longer than 8 MiB")
    }
}
