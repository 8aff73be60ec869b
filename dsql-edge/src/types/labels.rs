//! The labels of an enum, which the build compares with the labels in the snapshot.
//!
//! Input: the labels of a column in the snapshot, and the labels of a Rust type. Output: nothing, or a build error that
//! lists the differences. All code of this module runs inside rustc, so none of it is in a program.

use core::marker::PhantomData;

/// A Rust enum whose variants are the labels of a column. [`derive(Type)`](macro@crate::Type) implements this trait.
///
/// ```
/// use dsql_edge::types::Labelled;
///
/// #[derive(dsql_edge::Type)]
/// #[dsql(rename_all = "snake_case")]
/// enum Status {
///     Draft,
///     InReview,
/// }
///
/// assert_eq!(Status::LABELS, ["draft", "in_review"]);
/// ```
pub trait Labelled {
    /// The name of the Rust type.
    const NAME: &'static str;
    /// The labels, in the order of the variants.
    const LABELS: &'static [&'static str];
}

/// The labels of the elements.
impl<T: Labelled> Labelled for Vec<T> {
    const NAME: &'static str = T::NAME;
    const LABELS: &'static [&'static str] = T::LABELS;
}

/// The labels of the elements.
impl<T: Labelled> Labelled for [T] {
    const NAME: &'static str = T::NAME;
    const LABELS: &'static [&'static str] = T::LABELS;
}

/// The labels of the value.
impl<T: Labelled + ?Sized> Labelled for &T {
    const NAME: &'static str = T::NAME;
    const LABELS: &'static [&'static str] = T::LABELS;
}

/// The labels of the value.
impl<T: Labelled> Labelled for Option<T> {
    const NAME: &'static str = T::NAME;
    const LABELS: &'static [&'static str] = T::LABELS;
}

/// The labels of any type: `LabelsOf::<T>::LABELS` is `Some` if `T` is [`Labelled`], because the constant of the type
/// itself takes precedence over the constant of the trait [`NotLabelled`].
pub struct LabelsOf<T: ?Sized>(PhantomData<T>);

impl<T: Labelled + ?Sized> LabelsOf<T> {
    /// The name and the labels of `T`.
    pub const LABELS: Option<(&'static str, &'static [&'static str])> = Some((T::NAME, T::LABELS));
}

/// Gives `LabelsOf<T>::LABELS` a value for a type without labels.
pub trait NotLabelled {
    /// Always `None`.
    const LABELS: Option<(&'static str, &'static [&'static str])> = None;
}

impl<T: ?Sized> NotLabelled for LabelsOf<T> {}

/// Compares the labels of a Rust type with the labels of the column or type `of` in the snapshot.
///
/// # Panics
/// Panics if a label is missing or is not a label of `of`: `sql!` calls this function in a constant, so the panic is an
/// error of the build.
#[allow(clippy::panic, reason = "a panic in a constant is an error of the build")]
pub const fn same_labels(of: &str, snapshot: &[&str], rust: Option<(&'static str, &'static [&'static str])>) {
    let Some((name, labels)) = rust else { return };
    let mut text = Text::new();
    text.put("`").put(name).put("` does not fit ").put(of).put(":");
    let start = text.length;
    text.put_others(snapshot, labels, " it has no variant for the label");
    if text.length > start && has_others(labels, snapshot) {
        text.put(";");
    }
    text.put_others(labels, snapshot, " the schema does not have the label");
    if text.length > start {
        panic!("{}", text.as_str());
    }
}

/// Compares the labels of the Rust type of a parameter with the labels of the column or type `of` in the snapshot.
///
/// # Panics
/// Panics if a label is not a label of `of`: a query function calls this function in a constant, so the panic is an
/// error of the build.
#[allow(clippy::panic, reason = "a panic in a constant is an error of the build")]
pub const fn known_labels(
    of: &str,
    snapshot: &[&str],
    rust: Option<(&'static str, &'static [&'static str])>,
) {
    let Some((name, labels)) = rust else { return };
    if has_others(labels, snapshot) {
        let mut text = Text::new();
        text.put("`").put(name).put("` does not fit ").put(of).put(":");
        text.put_others(labels, snapshot, " the schema does not have the label");
        panic!("{}", text.as_str());
    }
}

/// A string that a constant function builds. A part that does not fit is left out.
struct Text {
    bytes: [u8; 1024],
    length: usize,
}

#[allow(
    clippy::indexing_slicing,
    reason = "this code runs only inside rustc, and constants have no iterators"
)]
impl Text {
    const fn new() -> Text {
        Text { bytes: [0; 1024], length: 0 }
    }

    const fn put(&mut self, text: &str) -> &mut Text {
        let text = text.as_bytes();
        if self.length + text.len() <= self.bytes.len() {
            let mut at = 0;
            while at < text.len() {
                self.bytes[self.length] = text[at];
                self.length += 1;
                at += 1;
            }
        }
        self
    }

    /// Writes the labels of `these` that are not in `those`: `what 'a', 'b'`.
    const fn put_others(&mut self, these: &[&str], those: &[&str], what: &str) {
        let (mut at, mut count) = (0, 0);
        while at < these.len() {
            if !contains(those, these[at]) {
                self.put(if count == 0 { what } else { "," }).put(" '").put(these[at]).put("'");
                count += 1;
            }
            at += 1;
        }
    }

    const fn as_str(&self) -> &str {
        let (written, _) = self.bytes.split_at(self.length);
        match core::str::from_utf8(written) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

#[allow(
    clippy::indexing_slicing,
    reason = "this code runs only inside rustc, and constants have no iterators"
)]
const fn has_others(these: &[&str], those: &[&str]) -> bool {
    let mut at = 0;
    while at < these.len() {
        if !contains(those, these[at]) {
            return true;
        }
        at += 1;
    }
    false
}

#[allow(
    clippy::indexing_slicing,
    reason = "this code runs only inside rustc, and constants have no iterators"
)]
const fn contains(labels: &[&str], label: &str) -> bool {
    let mut at = 0;
    while at < labels.len() {
        if same(labels[at].as_bytes(), label.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

#[allow(
    clippy::indexing_slicing,
    reason = "this code runs only inside rustc, and constants have no iterators"
)]
const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Status;

    impl Labelled for Status {
        const NAME: &'static str = "Status";
        const LABELS: &'static [&'static str] = &["draft", "sent"];
    }

    fn difference(snapshot: &'static [&'static str]) -> String {
        let compared =
            std::panic::catch_unwind(|| same_labels("orders.status", snapshot, LabelsOf::<Status>::LABELS));
        *compared.unwrap_err().downcast::<String>().unwrap()
    }

    #[test]
    fn equal_labels_in_any_order_fit() {
        same_labels("orders.status", &["sent", "draft"], LabelsOf::<Status>::LABELS);
        same_labels("orders.status", &["draft", "sent"], LabelsOf::<Vec<Option<Status>>>::LABELS);
        same_labels("orders.status", &["other"], LabelsOf::<String>::LABELS);
    }

    #[test]
    fn differences_are_named() {
        assert_eq!(
            difference(&["draft", "sent", "paid", "late"]),
            "`Status` does not fit orders.status: it has no variant for the label 'paid', 'late'"
        );
        assert_eq!(
            difference(&["draft"]),
            "`Status` does not fit orders.status: the schema does not have the label 'sent'"
        );
        assert_eq!(
            difference(&["draft", "paid"]),
            "`Status` does not fit orders.status: it has no variant for the label 'paid'; the schema does not have \
             the label 'sent'"
        );
    }

    #[test]
    fn parameter_may_have_fewer_labels() {
        known_labels("orders.status", &["sent", "paid", "draft"], LabelsOf::<&[Status]>::LABELS);
        known_labels("orders.status", &["other"], LabelsOf::<&str>::LABELS);
        let unknown = std::panic::catch_unwind(|| {
            known_labels("orders.status", &["draft", "paid"], LabelsOf::<Option<&Status>>::LABELS)
        });
        let message = *unknown.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(message, "`Status` does not fit orders.status: the schema does not have the label 'sent'");
    }

    #[test]
    fn long_difference_is_cut_off() {
        let labels: Vec<&'static str> = (0..500).map(|at| &*format!("label-{at}").leak()).collect();
        assert!(difference(labels.leak()).len() <= 1024);
    }
}
