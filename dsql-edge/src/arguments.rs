//! The arguments of a query, encoded as they are bound.
//!
//! Goes in: Rust values and the SQL types they must fit. Comes out: the parameters of a Bind frame. The first
//! value that cannot be encoded is kept as an error for when the query runs, so that binding itself never
//! fails.

use crate::error::{Error, Kind};
use crate::types::sql::SqlType;
use crate::types::{IsNull, Nullable, Param, UncheckedParam};
use crate::wire::Parameters;

/// The arguments of one run of a query.
#[derive(Default)]
pub struct Arguments {
    parameters: Parameters,
    /// OIDs of the types, of `bind_unchecked` alone.
    types: Vec<u32>,
    error: Option<Error>,
}

impl Arguments {
    /// None yet, with room for this many.
    pub fn with_capacity(count: usize) -> Self {
        Arguments {
            parameters: Parameters { bytes: Vec::new(), each: Vec::with_capacity(count) },
            types: Vec::new(),
            error: None,
        }
    }

    /// The next argument, for a parameter of the SQL type `S` where NULL is allowed or not (`N`).
    pub fn bind<S: SqlType, N, T: Param<S, N> + ?Sized>(&mut self, value: &T) {
        let before = self.parameters.bytes.len();
        match value.encode(&mut self.parameters.bytes) {
            Ok(IsNull::No) => {
                self.parameters.each.push((Some(self.parameters.bytes.len()), S::FORMAT.code()));
            }
            Ok(IsNull::Yes) => {
                self.parameters.bytes.truncate(before);
                self.parameters.each.push((None, S::FORMAT.code()));
            }
            Err(reason) => {
                self.parameters.bytes.truncate(before);
                self.parameters.each.push((None, S::FORMAT.code()));
                let parameter = self.parameters.each.len();
                self.error
                    .get_or_insert_with(|| Error::new(Kind::Encode { parameter, sql_type: S::NAME, reason }));
            }
        }
    }

    /// The next argument, of the SQL type that its Rust type stands for.
    pub fn bind_unchecked<T: UncheckedParam + ?Sized>(&mut self, value: &T) {
        // 705, `unknown`, and 0 both leave the type to the server.
        self.types.push(if T::Sql::OID == 705 { 0 } else { T::Sql::OID });
        self.bind::<T::Sql, Nullable, T>(value);
    }

    /// The parameters and, if they were bound unchecked, their types.
    pub(crate) fn into_parts(self) -> Result<(Parameters, Vec<u32>), Error> {
        match self.error {
            Some(error) => Err(error),
            None => Ok((self.parameters, self.types)),
        }
    }
}

/// Values never show.
impl core::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Arguments({})", self.parameters.each.len())
    }
}
