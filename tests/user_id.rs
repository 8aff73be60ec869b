//! The type that the snapshot gives to `users.id`: a directive's `crate` is the library.

use dsql_edge::types::{self, Column, ConversionError, NotNull, Param, Uuid};

/// What the snapshot's directive makes of `users.id`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserId(pub Uuid);

impl Column<types::sql::Uuid, NotNull> for UserId {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        Uuid::decode(bytes).map(UserId)
    }
}

impl<N> Param<types::sql::Uuid, N> for UserId {
    fn encode(&self, out: &mut Vec<u8>) -> Result<types::IsNull, ConversionError> {
        <Uuid as Param<types::sql::Uuid, NotNull>>::encode(&self.0, out)
    }
}
