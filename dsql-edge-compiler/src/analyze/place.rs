//! Defines the positions in which a query can contain an expression, such as WHERE or LIMIT: `ParseExprKind`.

/// The place of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Target,
    Where,
    JoinOn,
    GroupBy,
    Having,
    OrderBy,
    DistinctOn,
    Window,
    Filter,
    Limit,
    Offset,
    /// `VALUES` with several rows, or as a separate query.
    Values,
    /// The single row of an `INSERT … VALUES`, which PostgreSQL analyzes as a target list.
    SingleRow,
    UpdateSource,
    /// A subscript in the column list of an INSERT.
    InsertTarget,
    /// A subscript on the left side of an assignment in an UPDATE.
    UpdateTarget,
    Returning,
    FromFunction,
    FromSubquery,
    OnConflict,
    MergeWhen,
    CallArgument,
    Default,
    Check,
    Generated,
    IndexExpression,
    IndexPredicate,
}

impl Place {
    /// Returns the name of this position in PostgreSQL's messages (`ParseExprKindName`).
    pub(super) fn name(self) -> &'static str {
        match self {
            Place::Target => "SELECT",
            Place::Where => "WHERE",
            Place::JoinOn => "JOIN conditions",
            Place::GroupBy => "GROUP BY",
            Place::Having => "HAVING",
            Place::OrderBy => "ORDER BY",
            Place::DistinctOn => "DISTINCT ON",
            Place::Window => "window definitions",
            Place::Filter => "FILTER",
            Place::Limit => "LIMIT",
            Place::Offset => "OFFSET",
            Place::Values | Place::SingleRow => "VALUES",
            Place::UpdateSource | Place::UpdateTarget => "UPDATE",
            Place::InsertTarget => "INSERT",
            Place::Returning => "RETURNING",
            Place::FromFunction => "functions in FROM",
            Place::FromSubquery => "FROM clause of their own query level",
            Place::OnConflict => "ON CONFLICT",
            Place::MergeWhen => "MERGE WHEN conditions",
            Place::CallArgument => "CALL arguments",
            Place::Default => "DEFAULT expressions",
            Place::Check => "check constraints",
            Place::Generated => "column generation expressions",
            Place::IndexExpression => "index expressions",
            Place::IndexPredicate => "index predicates",
        }
    }

    /// Returns the singular form of the name, if a subquery is not allowed in this position.
    pub(super) fn without_subqueries(self) -> Option<&'static str> {
        let of_one = matches!(
            self,
            Place::CallArgument
                | Place::Default
                | Place::Check
                | Place::Generated
                | Place::IndexExpression
                | Place::IndexPredicate
        );
        self.name().strip_suffix('s').filter(|_| of_one)
    }
}
