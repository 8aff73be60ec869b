//! Defines names for the one-letter codes of PostgreSQL's catalogs.

/// `typtype`: the kind of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// A base type, or an array.
    Base,
    /// A row.
    Composite,
    /// A domain.
    Domain,
    /// An enum.
    Enum,
    /// A pseudo-type.
    Pseudo,
    /// A range.
    Range,
    /// A multirange.
    Multirange,
}

impl TypeKind {
    pub(super) fn of_letter(letter: u8) -> TypeKind {
        match letter {
            b'c' => TypeKind::Composite,
            b'd' => TypeKind::Domain,
            b'e' => TypeKind::Enum,
            b'p' => TypeKind::Pseudo,
            b'r' => TypeKind::Range,
            b'm' => TypeKind::Multirange,
            _ => TypeKind::Base,
        }
    }
}

/// `prokind`: the kind of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// A plain function.
    Plain,
    /// An aggregate.
    Aggregate(AggregateKind),
    /// A window function.
    Window,
    /// A procedure.
    Procedure,
}

/// `aggkind`: the kind of an aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateKind {
    /// A call of the aggregate does not use WITHIN GROUP.
    Normal,
    /// `percentile_cont (…) WITHIN GROUP (…)`
    OrderedSet,
    /// `rank (…) WITHIN GROUP (…)`: each argument has the type of its sort key.
    HypotheticalSet,
}

impl FunctionKind {
    /// Returns the kind that the letters of `prokind` and `aggkind` denote.
    pub(super) fn of_letters(kind: u8, aggregate: u8) -> FunctionKind {
        match (kind, aggregate) {
            (b'a', b'o') => FunctionKind::Aggregate(AggregateKind::OrderedSet),
            (b'a', b'h') => FunctionKind::Aggregate(AggregateKind::HypotheticalSet),
            (b'a', _) => FunctionKind::Aggregate(AggregateKind::Normal),
            (b'w', _) => FunctionKind::Window,
            (b'p', _) => FunctionKind::Procedure,
            _ => FunctionKind::Plain,
        }
    }

    /// Whether the function is an aggregate.
    pub fn is_aggregate(self) -> bool {
        matches!(self, FunctionKind::Aggregate(_))
    }
}

/// `castcontext`: the contexts in which a cast applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CoercionContext {
    /// The cast applies in every expression.
    Implicit,
    /// The cast also applies when a value is assigned to a column.
    Assignment,
    /// The cast applies only if the query contains it explicitly.
    Explicit,
}

impl CoercionContext {
    pub(super) fn of_letter(letter: u8) -> CoercionContext {
        match letter {
            b'i' => CoercionContext::Implicit,
            b'a' => CoercionContext::Assignment,
            _ => CoercionContext::Explicit,
        }
    }
}

/// `castmethod`: how a cast is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoercionMethod {
    /// A function is called.
    Function,
    /// The value is not changed (binary coercible).
    Binary,
    /// The value is converted to text, and the text is parsed as the target type.
    InOut,
}

impl CoercionMethod {
    pub(super) fn of_letter(letter: u8) -> CoercionMethod {
        match letter {
            b'f' => CoercionMethod::Function,
            b'i' => CoercionMethod::InOut,
            _ => CoercionMethod::Binary,
        }
    }
}

/// `relkind`: the kind of a relation of a system schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// A table.
    Table,
    /// A view.
    View,
}
