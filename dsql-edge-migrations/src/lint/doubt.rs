//! Sorts the errors of names: an object that does not exist, or that exists already.
//!
//! Input: an error. Output: the error as a warning, if the object may exist, or may not exist, after all.

use dsql_edge_compiler::diagnostic::{Code, Diagnostic, Severity};

/// Makes an error a warning if the object that it does not find may exist.
pub(super) fn doubt(error: &mut Diagnostic) {
    if is_of_name(error.code) {
        *error = warning(error.clone());
    }
}

/// Makes an error a warning if the object that is in its way may not exist.
pub(super) fn doubt_taken(error: &mut Diagnostic) {
    if is_of_taken_name(error.code) && error.is_error() {
        *error = warning(error.clone());
    }
}

/// Whether the error is that the name of a new object is already taken.
pub(super) fn is_of_taken_name(code: Code) -> bool {
    matches!(
        code,
        Code::DuplicateTable
            | Code::DuplicateColumn
            | Code::DuplicateObject
            | Code::DuplicateSchema
            | Code::DuplicateFunction
    )
}

/// Whether an error is that an object does not exist.
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

/// Whether an error is about an object that the files need not create. DSQL cannot create an operator.
pub(super) fn may_be_defined(code: Code) -> bool {
    matches!(code, Code::AmbiguousFunction) || is_of_name(code) && !is_of_column(code)
}

fn is_of_column(code: Code) -> bool {
    matches!(code, Code::UnknownColumn | Code::MissingFrom | Code::UnknownOperator)
}

pub(super) fn warning(error: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..error }
}
