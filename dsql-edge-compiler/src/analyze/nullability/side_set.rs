//! Defines a set of sides, as bits by number: with thousands of joins, each row can be nulled by thousands of sides.

/// A set of sides of outer joins.
#[derive(Clone, Debug, Default)]
pub(super) struct SideSet(Vec<u64>);

impl SideSet {
    pub(super) fn insert(&mut self, side: usize) {
        let (word, bit) = (side / 64, side % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    /// Removes a side; returns whether the set contained it.
    pub(super) fn remove(&mut self, side: usize) -> bool {
        let was = self.contains(side);
        if let Some(word) = self.0.get_mut(side / 64) {
            *word &= !(1 << (side % 64));
        }
        was
    }

    pub(super) fn contains(&self, side: usize) -> bool {
        self.0.get(side / 64).is_some_and(|word| word >> (side % 64) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn is_within(&self, other: &SideSet) -> bool {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(others).all(|(word, other)| word & !other == 0)
    }

    /// Adds the sides of `other`; returns whether `self` changed.
    pub(super) fn add(&mut self, other: &SideSet) -> bool {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        let mut changed = false;
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            changed |= other & !*word != 0;
            *word |= other;
        }
        changed
    }

    pub(super) fn remove_all(&mut self, other: &SideSet) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= !other);
    }

    /// Returns the sides in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let bits = |(at, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| 64 * at + bit)
        };
        self.0.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(bits)
    }
}
