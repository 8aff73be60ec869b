//! This package only declares the packages that the test `packages` downloads as dependencies.
