//! `monitor sql`: recordings as tables, and a question in SQL to them.

#[cfg(feature = "polars")]
mod answer;
#[cfg(feature = "polars")]
mod functions;
#[cfg(feature = "polars")]
mod query;
#[cfg(feature = "polars")]
mod told;

#[cfg(feature = "polars")]
pub(crate) use answer::sql;

/// Says how to get what is not compiled in.
#[cfg(not(feature = "polars"))]
pub(crate) fn sql(_: &crate::args::SqlArgs) -> crate::exit::Outcome {
    Err(crate::exit::Failure::Usage(
        "`monitor sql` is not compiled in, for polars takes minutes to build: \
         cargo install --path monitor-cli --features polars"
            .to_owned(),
    ))
}
