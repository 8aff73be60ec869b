//! This package has no code. Its dependencies are the packages that the test `packages` needs: cargo downloads them.
