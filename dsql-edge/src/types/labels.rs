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
        text.put_rule(labels, snapshot, true);
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
        text.put_rule(labels, snapshot, false);
        panic!("{}", text.as_str());
    }
}

/// A rule of `rename_all`, for names of variants in PascalCase.
struct Rule {
    name: &'static str,
    /// The byte before each word except the first.
    separator: Option<u8>,
    is_upper: bool,
}

const RULES: [Rule; 6] = [
    Rule { name: "snake_case", separator: Some(b'_'), is_upper: false },
    Rule { name: "kebab-case", separator: Some(b'-'), is_upper: false },
    Rule { name: "lowercase", separator: None, is_upper: false },
    Rule { name: "SCREAMING_SNAKE_CASE", separator: Some(b'_'), is_upper: true },
    Rule { name: "SCREAMING-KEBAB-CASE", separator: Some(b'-'), is_upper: true },
    Rule { name: "UPPERCASE", separator: None, is_upper: true },
];

#[allow(
    clippy::indexing_slicing,
    reason = "this code runs only inside rustc, and constants have no iterators"
)]
impl Rule {
    /// Whether each variant gets a label of the snapshot, and, if `all` is true, each label has a variant.
    const fn fits(&self, variants: &[&str], snapshot: &[&str], all: bool) -> bool {
        let mut at = 0;
        while at < variants.len() {
            let mut other = 0;
            while other < snapshot.len() && !self.renames(variants[at], snapshot[other]) {
                other += 1;
            }
            if other == snapshot.len() {
                return false;
            }
            at += 1;
        }
        // Two variants never have the same label.
        !all || variants.len() == snapshot.len()
    }

    /// Whether the rule makes `label` of the name of a variant.
    const fn renames(&self, variant: &str, label: &str) -> bool {
        let (variant, label) = (variant.as_bytes(), label.as_bytes());
        let (mut at, mut length) = (0, 0);
        while at < variant.len() {
            if let (Some(separator), true, true) = (self.separator, at > 0, variant[at].is_ascii_uppercase())
            {
                if length == label.len() || label[length] != separator {
                    return false;
                }
                length += 1;
            }
            let byte = match self.is_upper {
                true => variant[at].to_ascii_uppercase(),
                false => variant[at].to_ascii_lowercase(),
            };
            if length == label.len() || label[length] != byte {
                return false;
            }
            (at, length) = (at + 1, length + 1);
        }
        length == label.len()
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

    /// If the labels fit after a rule of `rename_all`, writes this rule. If `all` is true, each label of the snapshot
    /// needs a variant.
    const fn put_rule(&mut self, labels: &[&str], snapshot: &[&str], all: bool) {
        let mut at = 0;
        while at < RULES.len() {
            if RULES[at].fits(labels, snapshot, all) {
                self.put("; with `#[dsql(rename_all = \"").put(RULES[at].name).put("\")]`, the labels fit");
                return;
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

    struct Written;

    impl Labelled for Written {
        const NAME: &'static str = "Written";
        const LABELS: &'static [&'static str] = &["Draft", "InReview"];
    }

    #[test]
    fn rule_that_makes_the_labels_fit_is_named() {
        let message = |snapshot: &'static [&'static str]| {
            let compared = std::panic::catch_unwind(|| {
                same_labels("orders.status", snapshot, LabelsOf::<Written>::LABELS)
            });
            let message = *compared.unwrap_err().downcast::<String>().unwrap();
            message.split_once("; with ").map(|(_, rule)| rule.to_owned())
        };
        let rule = |name: &str| Some(format!("`#[dsql(rename_all = \"{name}\")]`, the labels fit"));
        assert_eq!(message(&["in_review", "draft"]), rule("snake_case"));
        assert_eq!(message(&["draft", "in-review"]), rule("kebab-case"));
        assert_eq!(message(&["draft", "inreview"]), rule("lowercase"));
        assert_eq!(message(&["DRAFT", "IN_REVIEW"]), rule("SCREAMING_SNAKE_CASE"));
        assert_eq!(message(&["draft", "in_review", "live"]), None);
        assert_eq!(message(&["draft", "live"]), None);
        let fewer = std::panic::catch_unwind(|| {
            known_labels("orders.status", &["draft", "in_review", "live"], LabelsOf::<Written>::LABELS)
        });
        assert!(fewer.unwrap_err().downcast::<String>().unwrap().contains("snake_case"));
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
