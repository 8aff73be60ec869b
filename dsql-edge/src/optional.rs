//! Arguments that decide whether an optional text is a part of the SQL: `{? AND author = $author }`.

/// An `Option`, or a reference to an `Option`. If the `Option` is `Some`, the optional text is a part of the SQL. The
/// name of the type `P` is the name of the parameter.
#[diagnostic::on_unimplemented(
    message = "the parameter `{P}` decides whether optional text is sent, so it must be an `Option`, not `{Self}`",
    label = "for the parameter `{P}`, `Some` puts the text in, and `None` leaves it out",
    note = "if this part of the SQL is always sent, remove the braces {{? … }}"
)]
pub trait Optional<P> {
    /// The type of the value that is bound.
    type Value;

    /// Returns the value; for `None`, the part of optional text is left out.
    fn given(&self) -> Option<&Self::Value>;
}

/// Returns the value of an argument; for `None`, the part of optional text is left out.
// `V` is `O::Value`, so that an argument that is not an `Option` causes one compiler error and not two.
pub fn given<P, V, O: Optional<P, Value = V> + ?Sized>(argument: &O) -> Option<&V> {
    argument.given()
}

impl<P, T> Optional<P> for Option<T> {
    type Value = T;

    fn given(&self) -> Option<&T> {
        self.as_ref()
    }
}

impl<P, T: Optional<P> + ?Sized> Optional<P> for &T {
    type Value = T::Value;

    fn given(&self) -> Option<&T::Value> {
        T::given(self)
    }
}

impl<P, T: Optional<P> + ?Sized> Optional<P> for &mut T {
    type Value = T::Value;

    fn given(&self) -> Option<&T::Value> {
        T::given(self)
    }
}
