//! What a program that embeds monitor writes of its own samples: to a file, now, beside whatever the sinks do.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use monitor_core::store::Window;
use monitor_core::{Monitor, Zone};

use crate::table::{Exists, Format, Options, Table, Written};

/// Exports of the samples that the store holds. Nobody waits for them: recording goes on, and so does whoever asks the store.
///
/// A sample comes with the labels of its series; whatever else an event said is with the sinks. What the store has put into
/// buckets, as it is older than `raw_retention`, is not there one by one and is left out.
///
/// ```
/// use monitor_core::{Generation, Monitor};
/// use monitor_sinks::Export;
/// use std::time::Duration;
///
/// let monitor = Monitor::builder().start()?;
/// monitor.track_generation(Generation::new(1.5, true).model("gpt-4o"));
/// monitor.flush(Duration::from_secs(1));
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let files = monitor.export_metrics(folder.join("last.parquet"), Some(Duration::from_secs(3_600)))?;
/// assert_eq!(files[0].rows, 4);
/// let saved = monitor.save_metrics(folder)?; // metrics_20260504_140002.json
/// # assert!(saved.exists());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Export {
    /// Writes the samples of the last `window`, or all, in the format that the ending of the path names: `csv`, `json`,
    /// `parquet`, `xlsx`. Folders are made; a file is there whole or not at all, and none takes the place of another one.
    ///
    /// # Errors
    /// When the ending names no format, there is such a file already, or the system refuses.
    fn export_metrics(&self, path: impl AsRef<Path>, window: Option<Duration>) -> io::Result<Vec<Written>>;

    /// Writes all samples to `metrics_%Y%m%d_%H%M%S.json` in a folder, as the Python class does, and tells where they are.
    ///
    /// # Errors
    /// When the system refuses.
    #[cfg(feature = "json")]
    fn save_metrics(&self, folder: impl AsRef<Path>) -> io::Result<std::path::PathBuf>;
}

impl Export for Monitor {
    fn export_metrics(&self, path: impl AsRef<Path>, window: Option<Duration>) -> io::Result<Vec<Written>> {
        let path = path.as_ref();
        let format = Format::of_path(path).ok_or_else(|| {
            let known: Vec<&str> = Format::ALL.iter().map(|format| format.extension()).collect();
            let error = format!("`{}` does not end as a format that there is: {}", path.display(), known.join(", "));
            io::Error::new(io::ErrorKind::InvalidInput, error)
        })?;
        let window = window.map_or(Window::ALL, |window| Window::last(window, self.now()));
        Table::of_store(self.store(), window).write(format, path, &options(format))
    }

    #[cfg(feature = "json")]
    fn save_metrics(&self, folder: impl AsRef<Path>) -> io::Result<std::path::PathBuf> {
        let table = Table::of_store(self.store(), Window::ALL);
        let stem = format!("metrics_{}", self.now().to_local(&Zone::Local).format("%Y%m%d_%H%M%S"));
        let more = (2..).map(|number| format!("{stem}-{number}"));
        for stem in std::iter::once(stem.clone()).chain(more) {
            let path = folder.as_ref().join(stem).with_added_extension("json");
            match table.write(Format::Json, &path, &options(Format::Json)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => return written.map(|_| path),
            }
        }
        unreachable!("there are more numbers than files")
    }
}

fn options(format: Format) -> Options {
    Options { by: format.usual_parts(), exists: Exists::Kept, zone: Zone::Local, stop: Arc::default() }
}
