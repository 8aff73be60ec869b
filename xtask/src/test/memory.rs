//! Finds a folder in memory for the temporary files of tests.
//!
//! The tests create several hundred databases of some hundred files each. On a disk, the file system takes a third of
//! the tests' time, because it searches for free inodes among those that were just deleted.

use std::path::Path;

/// Linux's file system in memory. Containers often limit this folder to 64 MB and mount it without execution.
const FOLDER: &str = "/dev/shm";

/// The required space: three programs run at once, and each has a few servers of 100 MB.
const BYTES_NEEDED: u64 = 4 << 30;

/// The folder; `None` if it does not exist or has too little space, or if files in it cannot be executed (tests also
/// write programs).
#[cfg(target_os = "linux")]
pub(super) fn folder() -> Option<&'static Path> {
    use nix::sys::statvfs::{FsFlags, statvfs};
    let found = statvfs(FOLDER).ok()?;
    let available = found.blocks_available().checked_mul(found.fragment_size())?;
    let executes = !found.flags().contains(FsFlags::ST_NOEXEC);
    (available >= BYTES_NEEDED && executes).then_some(Path::new(FOLDER))
}

/// Systems other than Linux do not have a file system in memory in a known folder.
#[cfg(not(target_os = "linux"))]
pub(super) fn folder() -> Option<&'static Path> {
    None
}
