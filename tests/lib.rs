//! Tests live in the files beside this one; this library is empty on purpose.
