//! Caches values that were read from the catalog.
//!
//! Input: the key of an entry. Output: the entry. A process reads each entry only once, unless two threads read it at
//! the same time.
//!
//! The cache contains only entries of the catalog, so it cannot become larger than the catalog. The cache does not
//! record that a key was not found. A proc macro runs unoptimized and needs the same few types and operators for every
//! query of a crate.

use std::sync::OnceLock;

/// A hash table of `N` slots, some of which always stay empty. Each value contains the key under which the value is
/// stored in the table.
pub(super) struct Memo<V, const N: usize> {
    slots: [OnceLock<V>; N],
}

impl<V, const N: usize> Memo<V, N> {
    pub(super) const fn new() -> Self {
        Self { slots: [const { OnceLock::new() }; N] }
    }

    /// Returns the stored value for which `is` returns true. The search begins at slot number `place`. If the memo does
    /// not contain this value, stores and returns the result of `read`; returns `None` if `read` does.
    pub(super) fn value(
        &'static self,
        place: usize,
        is: impl Fn(&V) -> bool,
        read: impl FnOnce() -> Option<V>,
    ) -> Option<&'static V> {
        let mut place = place % N;
        while let Some(known) = self.slots.get(place)?.get() {
            if is(known) {
                return Some(known);
            }
            place = (place + 1) % N;
        }
        let mut fresh = read()?;
        // Another thread may have filled the slot in the meantime.
        for at in (place..N).chain(0..place) {
            let slot = self.slots.get(at)?;
            match slot.set(fresh) {
                Ok(()) => return slot.get(),
                Err(back) => fresh = back,
            }
            if slot.get().is_some_and(&is) {
                return slot.get();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Memo;
    use std::cell::Cell;

    #[test]
    fn missing_name_is_not_cached_and_full_slot_is_skipped() {
        static MEMO: Memo<(usize, &str), 8> = Memo::new();
        let reads = Cell::new(0);
        let ask = |place: usize, key: usize| {
            let found = MEMO.value(
                place,
                |known| known.0 == key,
                || {
                    reads.set(reads.get() + 1);
                    Some((key, *["zero", "one", "two"].get(key)?))
                },
            );
            found.map(|found| found.1)
        };
        for _ in 0..2 {
            assert_eq!((ask(7, 0), ask(7, 1), ask(15, 2)), (Some("zero"), Some("one"), Some("two")));
        }
        assert_eq!(reads.get(), 3);
        assert_eq!((ask(7, 3), ask(7, 3)), (None, None));
        assert_eq!(reads.get(), 5);
    }
}
