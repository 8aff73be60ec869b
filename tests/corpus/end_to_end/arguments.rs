//! Chooses arguments with which queries return rows.
//!
//! Input: the parameters of a query. Output: sets of arguments. Rows and arguments have the same values for the same
//! number, so an argument with the number of a row finds this row. Numbers that no row has are the keys of new rows.

use dsql_edge_compiler::typed::TypedQuery;
use dsql_edge_tests::oracle::{Parameters, Values};
use dsql_edge_tests_corpus::plan::Arguments;
use fastrand::Rng;

/// How many numbers an argument can have: one number for each row of a table, and one number that does not belong to
/// any row.
const NUMBERS: usize = 5;

/// The number of random sets, which are tried until the query has returned rows.
const RANDOM: usize = 16;

/// The sets of arguments for one database.
pub(crate) fn sets(query: &TypedQuery, parameters: &Parameters, values: Values, seed: u64) -> Vec<Arguments> {
    let mut sets: Vec<Arguments> = Vec::new();
    let mut add = |choose: &mut dyn FnMut(usize) -> Option<usize>, spare: bool| {
        let values = query.parameters.iter().enumerate().map(|(at, parameter)| {
            let number = choose(at).or((!parameter.nullable).then_some(0))?;
            parameters.argument(at, number, values, parameter.elements_nullable)
        });
        let set = Arguments { values: values.collect(), spare };
        if !sets.iter().any(|known| known.values == set.values) {
            sets.push(set);
        }
    };
    for number in 0..NUMBERS {
        add(&mut |_| Some(number), false);
    }
    add(&mut |_| None, false);
    let mut rng = Rng::with_seed(seed);
    for _ in 0..RANDOM {
        // Arrays that one UNNEST combines must have the same length, so all arrays have the same number.
        let of_arrays = [0, 2, 3, 4][rng.usize(..4)];
        let mut choose = |at: usize| match parameters.is_array(at) {
            true => Some(of_arrays),
            false => Some(rng.usize(..NUMBERS + 1)).filter(|number| *number < NUMBERS),
        };
        add(&mut choose, true);
    }
    sets
}
