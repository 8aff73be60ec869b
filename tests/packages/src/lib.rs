//! This package only names the packages that the test `packages` downloads.
