//! The Rust type of `users.id`, which the snapshot names in a directive as `crate::UserId`: `crate` is this library.

use dsql_edge::types::{self, Column, ConversionError, NotNull, Param, Uuid};

/// The type of `users.id`.
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
