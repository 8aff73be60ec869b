//! Changes the errors "does not exist", "already exists" and "depends on it" into warnings where the schema is not
//! certain.
//!
//! Input: an error. Output: the same diagnostic as a warning, because the linter cannot be sure of the error: an object
//! that seems to be missing may exist, and an object that seems to exist may not exist.

use dsql_edge_compiler::diagnostic::{Code, Diagnostic, Severity};

/// Changes the error that an object does not exist into a warning, because the object may exist.
pub(super) fn doubt(error: &mut Diagnostic) {
    if is_of_name(error.code) {
        *error = warning(error.clone());
    }
}

/// Changes the error that an object exists into a warning, because the object may not exist any more.
pub(super) fn doubt_existing(error: &mut Diagnostic) {
    if is_of_existing_object(error.code) && error.is_error() {
        *error = warning(error.clone());
    }
}

/// Whether the error is that an object exists which has the name of a new object, or which depends on a dropped object.
pub(super) fn is_of_existing_object(code: Code) -> bool {
    matches!(
        code,
        Code::DuplicateTable
            | Code::DuplicateColumn
            | Code::DuplicateObject
            | Code::DuplicateSchema
            | Code::DuplicateFunction
            | Code::DependentObjects
    )
}

/// Whether the error with this code means that an object does not exist.
pub(super) fn is_of_name(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTable
            | Code::UnknownColumn
            | Code::UnknownFunction
            | Code::UnknownOperator
            | Code::UnknownType
            | Code::UnknownSchema
            | Code::UnknownObject
            | Code::MissingFrom
    )
}

/// Whether the error is about an object that may come from outside the files. An operator may not, because DSQL cannot
/// create operators.
pub(super) fn may_be_defined(code: Code) -> bool {
    matches!(code, Code::AmbiguousFunction) || is_of_name(code) && !is_of_column(code)
}

fn is_of_column(code: Code) -> bool {
    matches!(code, Code::UnknownColumn | Code::MissingFrom | Code::UnknownOperator)
}

pub(super) fn warning(error: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..error }
}
