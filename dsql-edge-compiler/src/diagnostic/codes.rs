//! Defines the codes of diagnostics and the SQLSTATE that PostgreSQL returns for each.
//!
//! A code identifies the mistake; several codes may share one SQLSTATE. Codes are stable: CI logs and editors refer to
//! codes. Each code has a page, `errors/CODE.md`, whose examples are also tests.

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $sqlstate:literal,)*) => {
        /// A kind of mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// Returns the code as it is printed.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// Returns the code of this name.
            pub fn named(name: &str) -> Option<Code> {
                Code::ALL.iter().copied().find(|code| code.name() == name)
            }

            /// Returns the page of the code, in Markdown: the meaning, an example, and the fix.
            pub fn page(self) -> &'static str {
                match self {
                    $(Code::$variant => include_str!(concat!("../../errors/", $name, ".md")),)*
                }
            }

            /// Returns the SQLSTATE that PostgreSQL (or DSQL) returns.
            pub fn sqlstate(self) -> &'static str {
                match self { $(Code::$variant => $sqlstate,)* }
            }

            /// Whether a diagnostic with this code is always a warning. The code of a warning has the SQLSTATE 00000,
            /// which means success.
            pub fn is_warning(self) -> bool {
                self.sqlstate() == "00000"
            }

            /// Whether a diagnostic with this code can be a warning: if no cluster has confirmed a rule of DSQL, a
            /// violation of the rule is a warning.
            pub fn may_be_warning(self) -> bool {
                self.is_warning() || self == Code::DsqlUnsupported
            }
        }
    };
}

codes! {
    /// The statement does not follow PostgreSQL's grammar.
    SyntaxError "syntax-error" "42601",
    /// A Unicode escape in an `E'…'` string is malformed.
    InvalidEscape "invalid-escape" "22025",
    /// Bytes that are not UTF-8, or a NUL.
    InvalidEncoding "invalid-encoding" "22021",
    /// The number of names, values or columns does not match.
    WrongCount "wrong-count" "42601",
    /// No column of that name is visible.
    UnknownColumn "unknown-column" "42703",
    /// The type of a parameter cannot be determined: the statement uses `$2` but not `$1`, or no use determines the
    /// type.
    IndeterminateParameter "indeterminate-parameter" "42P18",
    /// A parameter number that is not valid.
    UnknownParameter "unknown-parameter" "42P02",
    /// Two uses of a parameter require different types.
    AmbiguousParameter "ambiguous-parameter" "42P08",
    /// A table that is not in the schema.
    UnknownTable "unknown-table" "42P01",
    /// The statement refers to a table that is not in `FROM`, or that is not visible in this clause.
    MissingFrom "missing-from" "42P01",
    /// The statement refers to a schema that does not exist.
    UnknownSchema "unknown-schema" "3F000",
    /// No function has this name and accepts these argument types.
    UnknownFunction "unknown-function" "42883",
    /// No operator has this name and accepts these operand types.
    UnknownOperator "unknown-operator" "42883",
    /// A type that does not exist.
    UnknownType "unknown-type" "42704",
    /// A length or precision that a type cannot have.
    InvalidModifier "invalid-modifier" "22023",
    /// Two collations conflict, and neither takes precedence.
    CollationMismatch "collation-mismatch" "42P21",
    /// The statement refers to a constraint, a collation or another object that does not exist.
    UnknownObject "unknown-object" "42704",
    /// A column name that two visible tables have.
    AmbiguousColumn "ambiguous-column" "42702",
    /// A table name that occurs twice.
    AmbiguousTable "ambiguous-table" "42P09",
    /// More than one function or operator fits.
    AmbiguousFunction "ambiguous-function" "42725",
    /// One `FROM` or `WITH` contains the same name twice.
    DuplicateAlias "duplicate-alias" "42712",
    /// A list, such as the column list of an INSERT, contains the same column twice.
    DuplicateColumn "duplicate-column" "42701",
    /// A schema declares the same type, domain or similar object twice.
    DuplicateObject "duplicate-object" "42710",
    /// A schema declares the same table or view twice.
    DuplicateTable "duplicate-table" "42P07",
    /// A statement creates a schema that exists already.
    DuplicateSchema "duplicate-schema" "42P06",
    /// A statement creates a function that exists already.
    DuplicateFunction "duplicate-function" "42723",
    /// A statement without CASCADE drops an object on which other objects depend.
    DependentObjects "dependent-objects" "2BP01",
    /// An expression has a type that is not accepted in this position.
    TypeMismatch "type-mismatch" "42804",
    /// No cast leads from one type to the other.
    CannotCast "cannot-cast" "42846",
    /// A quoted constant inside a row has no type, and is then read from the row as a value of some type.
    UntypedField "untyped-field" "XX000",
    /// A constant that the input function of its type rejects.
    InvalidLiteral "invalid-literal" "22P02",
    /// A date or time constant that the input function of its type rejects.
    InvalidDatetime "invalid-datetime" "22007",
    /// A date or time with a month, day or hour that does not exist.
    DatetimeOutOfRange "datetime-out-of-range" "22008",
    /// An interval constant with a number that its type cannot represent.
    IntervalOutOfRange "interval-out-of-range" "22015",
    /// A date or time constant whose offset from UTC is 16 hours or more, or has 60 minutes or more.
    OffsetOutOfRange "offset-out-of-range" "22009",
    /// A date or time constant with a time zone that PostgreSQL does not have.
    UnknownTimeZone "unknown-time-zone" "22023",
    /// A `bytea` constant with digits that are not hexadecimal, or with an odd number of digits.
    InvalidBytea "invalid-bytea" "22023",
    /// An array constant with a dimension whose upper bound is below its lower bound.
    InvalidArrayBounds "invalid-array-bounds" "2202E",
    /// A range constant whose lower bound is greater than its upper bound.
    InvalidRange "invalid-range" "22000",
    /// A string that is longer than its type allows.
    ValueTooLong "value-too-long" "22001",
    /// A bit string in a constant that does not have the length of its type.
    LengthMismatch "length-mismatch" "22026",
    /// A `jsonb` constant contains a character that the type `text` cannot store.
    UntranslatableCharacter "untranslatable-character" "22P05",
    /// NULL as the number of rows of `FETCH FIRST … WITH TIES`.
    NullRowCount "null-row-count" "2201W",
    /// A number out of its type's range.
    OutOfRange "out-of-range" "22003",
    /// A column that is neither grouped nor aggregated.
    NotGrouped "not-grouped" "42803",
    /// An aggregate where none is allowed.
    MisplacedAggregate "misplaced-aggregate" "42803",
    /// A window function where none is allowed.
    MisplacedWindow "misplaced-window" "42P20",
    /// The statement refers to a window that is not defined.
    UnknownWindow "unknown-window" "42704",
    /// An invalid combination of clauses such as `ORDER BY`, `LIMIT` and `DISTINCT ON`.
    InvalidColumnReference "invalid-column-reference" "42P10",
    /// A recursive query refers to itself in a position where SQL forbids this.
    InvalidRecursion "invalid-recursion" "42P19",
    /// An object of the wrong kind: a view where a table is required.
    WrongObjectType "wrong-object-type" "42809",
    /// A polymorphic call whose result type cannot be determined.
    IndeterminateType "indeterminate-type" "42P18",
    /// A view that is not updatable.
    NotUpdatable "not-updatable" "55000",
    /// A `GENERATED ALWAYS` column that is written to.
    GeneratedAlways "generated-always" "428C9",
    /// A feature that PostgreSQL does not support.
    FeatureNotSupported "feature-not-supported" "0A000",
    /// A feature of PostgreSQL that DSQL rejects or limits. The SQLSTATE is usually 0A000, but some rules of DSQL have
    /// another SQLSTATE.
    DsqlUnsupported "dsql-unsupported" "0A000",
    /// A feature of PostgreSQL that this compiler does not support yet.
    NotSupportedYet "not-supported-yet" "0A000",
    /// A statement that `dsql-edge migrate` cannot run as a step of a migration.
    MisplacedStatement "misplaced-statement" "0A000",
    /// A statement of a schema or a migration whose effect on the schema is not known.
    UnfollowedStatement "unfollowed-statement" "0A000",
    /// A target list, a row or CUBE with more elements than PostgreSQL allows.
    TooManyColumns "too-many-columns" "54011",
    /// A call with more arguments than PostgreSQL allows.
    TooManyArguments "too-many-arguments" "54023",
    /// A limit on nesting, or on the size of a statement, is exceeded.
    TooComplex "too-complex" "54001",
    /// A table with several primary keys.
    InvalidTable "invalid-table" "42P16",
    /// A foreign key whose columns do not match a key of the referenced table.
    InvalidForeignKey "invalid-foreign-key" "42830",
    /// An invalid directive of a schema, or an index or a generated column that calls a function that is not immutable.
    InvalidDefinition "invalid-definition" "42P17",
    /// An `AS "x: T"`, `"x!"` or `"x?"` that is not valid.
    InvalidOverride "invalid-override" "42601",
    /// A column without a name, or with the name of another column, although a Rust field needs a unique name.
    UnnamedColumn "unnamed-column" "42701",
    /// `$name` where a value cannot be captured.
    InvalidCapture "invalid-capture" "42601",
    /// `{? … }` that is not closed, is inside other optional text, depends on no parameter, has too many combinations,
    /// or changes the columns or the types of parameters of the query.
    OptionalText "optional-text" "42601",
    /// An UPDATE or DELETE whose result could be different in batches.
    NotInBatches "not-in-batches" "0A000",
    /// A statement that begins, ends or changes a transaction, or runs a body that can do so.
    TransactionControl "transaction-control" "2D000",
    /// `"x!"` on a column that is already proved NOT NULL.
    NeedlessOverride "needless-override" "00000",
    /// An `UPDATE` or `DELETE` without `WHERE`.
    MissingWhere "missing-where" "00000",
    /// A comparison with NULL. Such a comparison is never true.
    ComparesWithNull "compares-with-null" "00000",
    /// A constant that a column never has, because a `CHECK` allows only other values.
    ExcludedValue "excluded-value" "00000",
    /// A parameter in quotes, which is text.
    QuotedParameter "quoted-parameter" "00000",
    /// `@name`, which is the absolute value of a column.
    AtSignParameter "at-sign-parameter" "00000",
    /// `ORDER BY` a parameter, which has the same value for every row.
    SortsByParameter "sorts-by-parameter" "00000",
    /// `NOT IN` with a value that may be NULL. If the value is NULL, the condition is never true.
    NotInWithNull "not-in-with-null" "00000",
    /// An expression that fails each time it runs.
    FailsAtRunTime "fails-at-run-time" "00000",
    /// A constant for a column whose `CHECK` rejects it.
    CheckViolation "check-violation" "23514",
    /// An `INSERT` that leaves out a column which is NOT NULL and has no default.
    MissingValue "missing-value" "23502",
    /// NULL for a column that is NOT NULL.
    NullForNotNull "null-for-not-null" "23502",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sqlstates_well_formed() {
        for (at, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL[at + 1..].iter().all(|other| other.name() != code.name()), "{code:?}");
            assert!(code.sqlstate().len() == 5, "{code:?}");
        }
    }
}
