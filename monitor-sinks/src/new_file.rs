//! A file that appears whole or not at all: it is written under another name, brought home, and only then renamed.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exists {
    /// It stays, and the new one is not written.
    Kept,
    /// The new one takes its place.
    Replaced,
}

/// A file that is being written. Unless it is completed, it is removed.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    unfinished: PathBuf,
    path: PathBuf,
    exists: Exists,
    completed: bool,
}

impl NewFile {
    /// Begins a file, and makes the folders above it. What another process has left of the same one is written over.
    ///
    /// # Errors
    /// What the system says, with the path; or that there is one already.
    pub fn create(path: &Path, exists: Exists) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| told(path, &io::ErrorKind::InvalidFilename.into()))?;
        if path.is_dir() {
            return Err(told(path, &io::ErrorKind::IsADirectory.into()));
        }
        if exists == Exists::Kept && path.symlink_metadata().is_ok() {
            return Err(is_there(path));
        }
        // A new one would take the place of /dev/null itself.
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(told(path, &io::Error::other("it is a pipe or a device: only a file can be replaced")));
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".unfinished");
        let unfinished = path.with_file_name(hidden);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| match error.kind() {
                // Of the folder, not of the file.
                io::ErrorKind::AlreadyExists => told(folder, &io::ErrorKind::NotADirectory.into()),
                _ => told(folder, &error),
            })?;
        }
        let file = begin(&unfinished).map_err(|error| told(path, &error))?;
        Ok(Self { file, unfinished, path: path.to_owned(), exists, completed: false })
    }

    /// Where to write.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it is as long as it is written, for whoever wants to open it by name.
    pub fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    /// What it will be called.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings it home, and gives it its name.
    ///
    /// # Errors
    /// What the system says; or that another one has been put there meanwhile.
    pub fn complete(mut self) -> io::Result<PathBuf> {
        self.file.sync_all().map_err(|error| told(&self.path, &error))?;
        match self.exists {
            Exists::Replaced => std::fs::rename(&self.unfinished, &self.path),
            // Unlike a new name, a second one never takes the place of another file. Not every file system has them.
            Exists::Kept => match std::fs::hard_link(&self.unfinished, &self.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(is_there(&self.path)),
                Err(_) => std::fs::rename(&self.unfinished, &self.path),
                Ok(()) => std::fs::remove_file(&self.unfinished),
            },
        }
        .map_err(|error| told(&self.path, &error))?;
        self.completed = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Or a loss of power takes its name.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| told(&self.path, &error))?;
        Ok(self.path.clone())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.completed {
            // What cannot be removed is written over by the next.
            drop(std::fs::remove_file(&self.unfinished));
        }
    }
}

/// A file of our own under this name. What has been left there by a process that has ended is removed; one that still writes has
/// it locked.
fn begin(unfinished: &Path) -> io::Result<File> {
    match File::options().write(true).open(unfinished) {
        Ok(left) => match left.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(writes()),
            // Where nothing can be locked there is no telling.
            Ok(()) | Err(TryLockError::Error(_)) => std::fs::remove_file(unfinished)?,
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = File::options()
        .write(true)
        .read(true)
        .create_new(true)
        .open(unfinished)
        .map_err(|error| if error.kind() == io::ErrorKind::AlreadyExists { writes() } else { error })?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(writes()),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn writes() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "another process is writing it")
}

fn told(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

fn is_there(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, format!("`{}` is there already", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn it_appears_whole_or_not_at_all_and_takes_no_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b.csv");
        let new = NewFile::create(&path, Exists::Kept).expect("a file");
        new.file().write_all(b"half").expect("room");
        assert!(!path.exists());
        drop(new);
        assert_eq!(std::fs::read_dir(folder.path().join("a")).expect("a folder").count(), 0);
        let write = |exists, text: &[u8]| {
            let new = NewFile::create(&path, exists)?;
            new.file().write_all(text)?;
            new.complete()
        };
        write(Exists::Kept, b"one").expect("a file");
        let error = write(Exists::Kept, b"two").expect_err("it is there").to_string();
        assert!(error.ends_with("b.csv` is there already"), "{error}");
        assert_eq!(std::fs::read(&path).expect("a file"), b"one");
        write(Exists::Replaced, b"three").expect("a file");
        assert_eq!(std::fs::read(&path).expect("a file"), b"three");
    }

    #[test]
    fn two_do_not_write_one_and_what_was_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.csv");
        std::fs::write(folder.path().join(".a.csv.unfinished"), "left by a crash").expect("a file");
        let first = NewFile::create(&path, Exists::Kept).expect("nobody writes it");
        let error = NewFile::create(&path, Exists::Replaced).expect_err("the first one does").to_string();
        assert!(error.ends_with("a.csv`: another process is writing it"), "{error}");
        first.file().write_all(b"one").expect("room");
        first.complete().expect("a file");
        assert_eq!(std::fs::read(&path).expect("a file"), b"one");
        NewFile::create(&path, Exists::Replaced).expect("nobody writes it any more");
    }

    #[cfg(unix)]
    #[test]
    fn only_a_file_is_replaced() {
        let error = NewFile::create(Path::new("/dev/null"), Exists::Replaced).expect_err("a device").to_string();
        assert!(error.starts_with("`/dev/null`: it is a pipe or a device"), "{error}");
    }

    #[test]
    fn one_that_was_put_there_meanwhile_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.csv");
        let new = NewFile::create(&path, Exists::Kept).expect("a file");
        std::fs::write(&path, "of somebody else").expect("a file");
        assert_eq!(new.complete().expect_err("it is there").kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "of somebody else");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
