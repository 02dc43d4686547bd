//! A batch as a row of the spool: for each event its time, the length of its line, and the line; little-endian.
//!
//! The line is the one that came, or the event as JSON: the form in which an event is read from anywhere. So there is one
//! reader of events, whatever way they came.

use crate::Timestamp;
use crate::bus::Draft;
use crate::event::{Event, Level, Log};
use crate::read::LineParser;
use crate::sample::Deriver;

const HEAD: usize = 12;
/// Of an event that cannot be read so much is told.
const KEPT: usize = 4 << 10;

pub(crate) fn encode(draft: &Draft, out: &mut Vec<u8>) {
    draft.for_each_line(|time, line| {
        out.extend_from_slice(&time.as_micros().to_le_bytes());
        out.extend_from_slice(&(line.len() as u32).to_le_bytes());
        out.extend_from_slice(line);
    });
}

/// `None` if it is not what was encoded. An event that was taken from a program, and that no reader takes, is read as a
/// message that says so: the others of its batch are not to be lost for it.
pub(crate) fn decode(mut data: &[u8], parser: &mut LineParser, deriver: &mut Deriver) -> Option<Draft> {
    let mut draft = Draft::default();
    while !data.is_empty() {
        let (head, rest) = data.split_first_chunk::<HEAD>()?;
        let (time, length) = head.split_first_chunk::<8>()?;
        let length = u32::from_le_bytes(*length.first_chunk()?) as usize;
        let (line, rest) = rest.split_at_checked(length)?;
        let time = Timestamp::from_micros(i64::from_le_bytes(*time));
        if !(Timestamp::MIN..=Timestamp::MAX).contains(&time) {
            return None;
        }
        match draft.push_line(line, time, parser, deriver) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(refusal) => {
                let message = format!("an event that was accepted cannot be read back: {refusal}");
                let line = String::from_utf8_lossy(&line[..line.len().min(KEPT)]);
                draft.push(Event::new(time, Log::new(Level::Error, message).with("event", &*line)), deriver);
            }
        }
        data = rest;
    }
    Some(draft)
}
