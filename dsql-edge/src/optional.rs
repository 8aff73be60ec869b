//! Arguments that decide whether an optional text is a part of the SQL: `{? AND author = $author }`.

/// An `Option`, or a reference to an `Option`. If the `Option` is `Some`, the optional text is a part of the SQL.
#[diagnostic::on_unimplemented(
    message = "`{Self}` decides whether optional text is sent, so it must be an `Option`",
    label = "`Some` puts the text in, `None` leaves it out",
    note = "if this part of the SQL is always sent, remove the braces {{? … }}"
)]
pub trait Optional {
    /// The type of the value that is bound.
    type Value;

    /// Returns the value; for `None`, the part of optional text is left out.
    fn given(&self) -> Option<&Self::Value>;
}

/// Returns the value of an argument; for `None`, the part of optional text is left out.
// `V` is `O::Value`, so that an argument that is not an `Option` causes one compiler error and not two.
pub fn given<V, O: Optional<Value = V> + ?Sized>(argument: &O) -> Option<&V> {
    argument.given()
}

impl<T> Optional for Option<T> {
    type Value = T;

    fn given(&self) -> Option<&T> {
        self.as_ref()
    }
}

impl<T: Optional + ?Sized> Optional for &T {
    type Value = T::Value;

    fn given(&self) -> Option<&T::Value> {
        T::given(self)
    }
}

impl<T: Optional + ?Sized> Optional for &mut T {
    type Value = T::Value;

    fn given(&self) -> Option<&T::Value> {
        T::given(self)
    }
}
