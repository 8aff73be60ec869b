//! A row's fields, serialized one by one.
//!
//! Input: a serializer and the fields of a row. Output: the serializer's result, or its first error. The error is kept
//! here until the end, so that the code that `sql!` generates has no branch: a `?` per field would take rustc longer
//! than everything else in the row.

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A struct that is being serialized.
pub struct SerializedRow<S: Serializer>(Result<S::SerializeStruct, S::Error>);

impl<S: Serializer> SerializedRow<S> {
    /// Begins a struct of this name with this number of fields.
    pub fn new(serializer: S, name: &'static str, fields: usize) -> Self {
        SerializedRow(serializer.serialize_struct(name, fields))
    }

    /// Serializes the next field. After a field has failed, the later fields are ignored.
    pub fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        if let Ok(row) = &mut self.0
            && let Err(error) = row.serialize_field(name, value)
        {
            self.0 = Err(error);
        }
    }

    /// Ends the struct.
    ///
    /// # Errors
    /// Returns the first error of the serializer.
    pub fn end(self) -> Result<S::Ok, S::Error> {
        self.0?.end()
    }
}

impl<S: Serializer> core::fmt::Debug for SerializedRow<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SerializedRow(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::SerializedRow;
    use serde::ser::{Error as _, Serializer};

    /// A value that is serialized as its number; without a number, serialization fails.
    struct Fails(Option<i32>);

    impl serde::Serialize for Fails {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                Some(value) => serializer.serialize_i32(value),
                None => Err(S::Error::custom("no value")),
            }
        }
    }

    struct Row(Fails, Fails, Fails);

    impl serde::Serialize for Row {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut row = SerializedRow::new(serializer, "Row", 3);
            row.field("a", &self.0);
            row.field("b", &self.1);
            row.field("c", &self.2);
            row.end()
        }
    }

    #[test]
    fn fields_come_in_order_and_the_first_error_is_the_row_s() {
        let row = Row(Fails(Some(1)), Fails(Some(2)), Fails(Some(3)));
        assert_eq!(serde_json::to_string(&row).ok().as_deref(), Some(r#"{"a":1,"b":2,"c":3}"#));
        let row = Row(Fails(Some(1)), Fails(None), Fails(Some(3)));
        assert_eq!(
            serde_json::to_string(&row).err().map(|error| error.to_string()).as_deref(),
            Some("no value")
        );
    }
}
