//! The Rust types that the directives of the snapshot and the queries of `round_trips.rs` name.

use core::marker::PhantomData;

use dsql_edge::types::{DateTime, Utc, Uuid};

/// The kind of the rows that an [`Id`] identifies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Order {}

/// A key of rows of one kind.
#[derive(Debug, Clone, Copy, PartialEq, dsql_edge::Type)]
pub struct Id<Row>(pub Uuid, pub PhantomData<Row>);

/// The type of `orders.id`.
pub type OrderId = Id<Order>;

/// The type of `orders.status`, which is text with a `CHECK`.
#[derive(Debug, Clone, Copy, PartialEq, dsql_edge::Type)]
#[dsql(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Status {
    Draft,
    InReview,
    #[dsql(rename = "live")]
    Published,
}

/// The labels of `orders.code`, whose type is padded with spaces.
#[derive(Debug, Clone, Copy, PartialEq, dsql_edge::Type)]
#[dsql(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Code {
    Draft,
    Live,
}

/// The enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, dsql_edge::Type)]
#[dsql(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Mood {
    Sad,
    #[dsql(rename = "so so")]
    SoSo,
    Happy,
}

/// The domain `priority`.
#[derive(Debug, Clone, Copy, PartialEq, dsql_edge::Type)]
#[dsql(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Priority {
    Low,
    High,
}

/// The composite type `point_of_sale`.
#[derive(Debug, Clone, PartialEq, dsql_edge::Type)]
#[allow(missing_docs)]
pub struct PointOfSale {
    #[dsql(not_null)]
    pub floor: i16,
    pub desk: Option<String>,
}

/// The composite type `address`; its fields are in another order here.
#[derive(Debug, Clone, PartialEq, dsql_edge::Type)]
#[dsql(name = "public.address")]
#[allow(missing_docs)]
pub struct Location {
    pub mood: Option<Mood>,
    pub zip: Option<i32>,
    pub street: Option<String>,
    #[dsql(rename = "since")]
    pub from: Option<DateTime<Utc>>,
    pub desk: Option<PointOfSale>,
    pub tags: Option<Vec<Option<String>>>,
}
