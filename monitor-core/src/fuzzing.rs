//! Ways for the fuzz targets to readers of outside bytes that nobody else may call.
#![allow(missing_docs, clippy::missing_errors_doc, reason = "compiled for fuzz targets only")]

use std::io::{self, BufRead};

use crate::bus::Draft;
use crate::pipeline::snapshot::{Snapshot, head_of};
use crate::read::LineParser;
use crate::sample::Deriver;
use crate::store::{Limits, Store};
use crate::time::TimeError;
use crate::{Timestamp, Zone};

/// What is read of a recording, packed or not.
pub fn unpacked<R: BufRead + Send + 'static>(reader: R) -> io::Result<Box<dyn BufRead + Send>> {
    crate::read::open::unpacked(reader)
}

pub fn encode_rows(draft: &Draft) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::spool::rows::encode(draft, &mut bytes);
    bytes
}

pub fn decode_rows(bytes: &[u8], parser: &mut LineParser, deriver: &mut Deriver) -> Option<Draft> {
    crate::spool::rows::decode(bytes, parser, deriver)
}

/// A snapshot without its head.
pub fn snapshot(store: &Store) -> Vec<u8> {
    postcard::to_allocvec(&Snapshot::new(store, Vec::new())).expect("a store can be written down")
}

/// The head that makes these bytes whole: without it no fuzzer gets past the checksum.
pub fn snapshot_head(content: &[u8]) -> Vec<u8> {
    head_of(content)
}

/// The store of a snapshot with its head.
pub fn restore(bytes: &[u8], limits: &Limits) -> Option<Store> {
    Snapshot::restored(bytes, limits).ok().map(|(store, _)| store)
}

/// A timestamp as chrono reads it, which knows every form.
pub fn parse_by_chrono(text: &str, zone: &Zone) -> Result<Timestamp, TimeError> {
    Timestamp::parse_any(text, zone)
}
