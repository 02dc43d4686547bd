//! Reading events from outside bytes: our NDJSON, the reference's `metrics.jsonl` and `afterimage.log`.
//!
//! The form of each line is told from the line itself, so a file may hold all of them. What cannot be read is refused
//! with a [`Reason`] and costs its neighbours nothing.

mod fields;
mod files;
mod json;
mod line;
mod lines;
pub(crate) mod open;
mod refusal;
mod shape;
mod zstd;

pub use fields::LARGEST;
pub(crate) use fields::LARGEST_COUNT;
pub use files::files_at;
pub(crate) use files::{expand, is_glob};
pub use line::LineParser;
pub(crate) use line::Parsed;
pub use lines::{Lines, MAX_LINE, Next};
pub(crate) use open::open_told;
pub(crate) use open::packing;
pub use open::{OpenError, open_recording};
pub use refusal::{Reason, Refusal};

#[cfg(test)]
mod tests;
