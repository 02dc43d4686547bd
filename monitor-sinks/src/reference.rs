//! The reference's forms: JSON spaced as Python spaces it, naive local times as its `isoformat`.

use std::io;

#[cfg(any(feature = "jsonl", feature = "log"))]
use monitor_core::{Timestamp, Zone};
use serde::Serialize;
use serde_json::ser::Formatter;

/// `", "` between items and `": "` after keys, as Python's `json.dumps` writes.
struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Appends `value` as Python would write it.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    let mut serializer = serde_json::Serializer::with_formatter(out, PythonFormatter);
    value.serialize(&mut serializer).expect("values of JSON are written to memory");
}

/// `2026-05-04T14:00:02.881194`, and without the fraction where it is zero, as Python's `isoformat`.
#[cfg(any(feature = "jsonl", feature = "log"))]
pub(crate) fn isoformat(time: Timestamp, zone: &Zone) -> String {
    let local = time.to_local(zone);
    let form = if time.as_micros().rem_euclid(1_000_000) == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    local.format(form).to_string()
}
