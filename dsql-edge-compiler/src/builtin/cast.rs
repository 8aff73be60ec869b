//! Looks up casts. Input: two types. Output: the row of `pg_cast`. The analyzer handles the casts that have no row in
//! `pg_cast`: casts through text input and output, and casts of arrays, domains, records and `unknown`.

use super::Oid;
use super::letters::{CoercionContext, CoercionMethod};
use super::memo::Memo;
use super::table::{Key, Row, Table};

const CASTS: Table = Table::of_even_lines(include_str!("data/casts.txt"));
/// The casts by source type; there are 57 source types.
static READ: Memo<Vec<Cast>, 256> = Memo::new();

/// A row of `pg_cast`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// The type that is cast.
    pub source: Oid,
    /// The target type of the cast; equal to `source` if the cast only applies a length.
    pub target: Oid,
    /// `castcontext`.
    pub context: CoercionContext,
    /// `castmethod`.
    pub method: CoercionMethod,
    /// The function of the cast; 0 if the cast does not call a function.
    pub function: Oid,
    /// Whether the cast of a value that is not NULL is never NULL (reviewed).
    pub never_null: bool,
}

/// Returns the cast between two types.
pub fn cast(source: Oid, target: Oid) -> Option<Cast> {
    casts(source).iter().find(|cast| cast.target == target).copied()
}

/// Returns every cast of a type, sorted by the OID of the target type.
pub fn casts_from(source: Oid) -> impl Iterator<Item = Cast> + Clone {
    casts(source).iter().copied()
}

fn casts(source: Oid) -> &'static [Cast] {
    let is = |known: &Vec<Cast>| known.first().is_some_and(|cast| cast.source == source);
    let read = || CASTS.find(Key::oid(source)).map(read).collect();
    READ.value(source as usize, is, || Some(read()).filter(is)).map_or(&[], Vec::as_slice)
}

fn read(row: Row) -> Cast {
    let mut fields = row.fields();
    let (source, target) = (fields.oid(), fields.oid());
    let [context, method, never_null] = fields.letters();
    Cast {
        source,
        target,
        context: CoercionContext::of_letter(context),
        method: CoercionMethod::of_letter(method),
        never_null: never_null == b'y',
        function: fields.oid(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::oid;
    use super::*;

    #[test]
    fn casts_of_each_context_and_method() {
        let widen = cast(oid::INT4, oid::INT8).unwrap();
        assert_eq!(
            (widen.context, widen.method, widen.never_null),
            (CoercionContext::Implicit, CoercionMethod::Function, true)
        );
        assert_eq!(cast(oid::INT8, oid::INT4).unwrap().context, CoercionContext::Assignment);
        let binary = cast(oid::VARCHAR, oid::TEXT).unwrap();
        assert_eq!(
            (binary.context, binary.method, binary.function),
            (CoercionContext::Implicit, CoercionMethod::Binary, 0)
        );
        let json = cast(oid::JSON, oid::JSONB).unwrap();
        assert_eq!(
            (json.context, json.method, json.never_null),
            (CoercionContext::Assignment, CoercionMethod::InOut, true)
        );
        assert_eq!(cast(oid::INT4, oid::UUID), None);
        assert_eq!(cast(oid::VARCHAR, oid::VARCHAR).map(|it| it.method), Some(CoercionMethod::Function));
    }

    #[test]
    fn all_casts_of_a_type() {
        let targets: Vec<_> = casts_from(oid::DATE).map(|it| it.target).collect();
        assert_eq!(targets, [oid::TIMESTAMP, oid::TIMESTAMPTZ]);
        assert_eq!(casts_from(oid::UUID).count(), 0);
    }
}
