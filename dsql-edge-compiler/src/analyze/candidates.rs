//! Finds the functions that a call can refer to: `FuncnameGetCandidates` and `func_get_detail`.
//!
//! Input: a name, and the types and names of the arguments. Output: the single function that fits, a cast in the form
//! of a call, or the information that no function fits or that several functions fit. `overload` chooses among several
//! functions.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::coercion::{Context, Pathway};
use super::overload::{self, Choice};
use super::range_function::RangeFunction;
use crate::builtin::{self, Oid, TypeKind, oid};
use crate::syntax::ast::{FunctionParameter, ParameterMode, QualifiedName};

/// A built-in function, or a function of the schema.
#[derive(Clone)]
pub(super) enum Function {
    Builtin(builtin::Function),
    /// A function of the schema, by its index in the schema.
    User(usize),
    /// A constructor of a range type that the schema defines.
    Range(RangeFunction),
}

/// A function that the call may refer to.
struct Candidate {
    function: Function,
    /// The declared types of the parameters, in the order of the call's arguments. Parameters for which the default is
    /// used are not included.
    args: Vec<Oid>,
    /// Whether the VARIADIC parameter takes single elements, one for each argument, instead of an array.
    spread: bool,
    /// The position of the function's schema in the search path.
    path: usize,
}

/// The result of resolving a name and arguments.
pub(super) struct Resolved {
    pub(super) function: Function,
    pub(super) declared: Vec<Oid>,
}

pub(super) enum Lookup {
    Function(Resolved),
    /// `typename(x)`.
    Coercion(Oid),
    None,
    Ambiguous,
}

impl Analyzer<'_> {
    /// `func_get_detail`.
    pub(super) fn lookup(
        &self,
        name: &QualifiedName,
        types: &[Oid],
        names: &[Option<&str>],
        spread: bool,
        constant: bool,
    ) -> Lookup {
        let sought = Sought { name, given: types.len(), names, spread, with_out: false };
        let mut kept = self.visible_candidates(&sought);
        if let Some(at) = kept.iter().position(|candidate| candidate.args.get(..types.len()) == Some(types)) {
            return Lookup::Function(resolved(kept.swap_remove(at)));
        }
        if let ([only], None) = (types, names.iter().flatten().next())
            && let Some(target) = self.catalog.type_named(name.schema(), name.name())
            && !self.catalog.type_info(target).is_array
            && self.catalog.type_info(target).kind != TypeKind::Composite
        {
            let pathway = self.catalog.pathway(target, *only, Context::Explicit);
            let category = self.catalog.type_info(target).category;
            let possible = match pathway {
                _ if *only == oid::UNKNOWN && constant => true,
                Pathway::Relabel => true,
                Pathway::ViaIo => {
                    !((*only == oid::RECORD || self.catalog.is_complex(*only)) && category == b'S')
                }
                _ => false,
            };
            if possible {
                return Lookup::Coercion(target);
            }
        }
        self.choose(kept, types)
    }

    /// Like [`Analyzer::lookup`], but for a CALL: a CALL also has an argument for each OUT parameter of its procedure.
    pub(super) fn lookup_procedure(
        &self,
        name: &QualifiedName,
        types: &[Oid],
        names: &[Option<&str>],
        spread: bool,
    ) -> Lookup {
        let sought = Sought { name, given: types.len(), names, spread, with_out: true };
        let mut kept = self.visible_candidates(&sought);
        match kept.iter().position(|candidate| candidate.args.get(..types.len()) == Some(types)) {
            Some(at) => Lookup::Function(resolved(kept.swap_remove(at))),
            None => self.choose(kept, types),
        }
    }

    fn choose(&self, mut kept: Vec<Candidate>, types: &[Oid]) -> Lookup {
        let declared: Vec<&[Oid]> = kept.iter().map(|candidate| &candidate.args[..types.len()]).collect();
        match overload::choose(self.catalog, types, &declared) {
            Choice::One(at) => Lookup::Function(resolved(kept.swap_remove(at))),
            Choice::None => Lookup::None,
            Choice::Ambiguous => Lookup::Ambiguous,
        }
    }

    /// Returns the candidates that are not hidden: a function hides each function of the same signature whose schema
    /// comes later in the search path. In the same schema, a function hides each function that has this signature only
    /// because its VARIADIC parameter takes single elements.
    fn visible_candidates(&self, sought: &Sought<'_>) -> Vec<Candidate> {
        let mut candidates = self.candidates(sought);
        candidates.sort_by_key(|candidate| (candidate.path, candidate.spread));
        let mut kept: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            if !kept.iter().any(|known| known.args == candidate.args) {
                kept.push(candidate);
            }
        }
        kept
    }

    /// `FuncnameGetCandidates`.
    fn candidates(&self, sought: &Sought<'_>) -> Vec<Candidate> {
        let mut out = Vec::new();
        if sought.name.schema().is_none_or(|schema| schema == "pg_catalog") {
            for function in builtin::functions(sought.name.name()) {
                let declared: Vec<Oid> = function.args().collect();
                let arg_names: Vec<&str> = function.arg_names().collect();
                let shape = Shape {
                    declared: &declared,
                    names: &arg_names,
                    variadic: function.variadic,
                    defaults: usize::from(function.defaults),
                };
                if let Some((args, spread)) = sought.fit(&shape) {
                    out.push(Candidate { function: Function::Builtin(function), args, spread, path: 0 });
                }
            }
        }
        out.extend(self.own_candidates(sought));
        out.extend(self.range_candidates(sought));
        out
    }

    /// Returns the functions of the schema.
    fn own_candidates(&self, sought: &Sought<'_>) -> Vec<Candidate> {
        let mut out = Vec::new();
        for (at, function) in self.catalog.schema.functions.iter().enumerate() {
            let Some((of, _)) =
                function.name_at(self.catalog.version).filter(|(_, known)| *known == sought.name.name())
            else {
                continue;
            };
            let path = match sought.name.schema() {
                Some(schema) if schema == of => 1,
                Some(_) => continue,
                None => match self.catalog.path.iter().position(|schema| schema == of) {
                    Some(path) => path + 1,
                    None if of == "pg_catalog" => 0,
                    None => continue,
                },
            };
            let is_out = |it: &&FunctionParameter| it.mode == ParameterMode::Out && sought.with_out;
            let parameters = function.definition.parameters.iter();
            let inputs: Vec<_> = parameters.filter(|it| is_input(it) || is_out(it)).collect();
            let declared: Vec<Oid> = inputs
                .iter()
                .map(|it| self.catalog.resolve_stored(&it.type_name).map_or(ERROR, |found| found.0))
                .collect();
            let arg_names: Vec<&str> =
                inputs.iter().map(|it| it.name.as_ref().map_or("", |name| &name.text)).collect();
            let variadic = match inputs.last() {
                Some(last) if last.mode == ParameterMode::Variadic => {
                    declared.last().map_or(0, |array| self.variadic_element(*array))
                }
                _ => 0,
            };
            let defaults = inputs.iter().filter(|it| it.default.is_some()).count();
            let shape = Shape { declared: &declared, names: &arg_names, variadic, defaults };
            if let Some((args, spread)) = sought.fit(&shape) {
                out.push(Candidate { function: Function::User(at), args, spread, path });
            }
        }
        out
    }

    /// Returns the type of the single elements of a VARIADIC parameter: `ProcedureCreate`.
    fn variadic_element(&self, array: Oid) -> Oid {
        match array {
            oid::ANYARRAY => oid::ANYELEMENT,
            oid::ANYCOMPATIBLEARRAY => oid::ANYCOMPATIBLE,
            oid::ANY => oid::ANY,
            array => self.catalog.element_type(array).unwrap_or(0),
        }
    }

    /// Returns the constructors of the schema's ranges and multiranges.
    fn range_candidates(&self, sought: &Sought<'_>) -> Vec<Candidate> {
        let schemas: Vec<&str> = match sought.name.schema() {
            Some(schema) => vec![schema],
            None => self.catalog.path.iter().map(String::as_str).collect(),
        };
        let mut out = Vec::new();
        for (path, schema) in schemas.into_iter().enumerate() {
            for function in self.catalog.range_functions(schema, sought.name.name()) {
                let no_names = vec![""; function.args.len()];
                let shape = Shape {
                    declared: &function.args,
                    names: &no_names,
                    variadic: function.variadic,
                    defaults: 0,
                };
                if let Some((args, spread)) = sought.fit(&shape) {
                    out.push(Candidate { function: Function::Range(function), args, spread, path: path + 1 });
                }
            }
        }
        out
    }
}

fn resolved(candidate: Candidate) -> Resolved {
    Resolved { function: candidate.function, declared: candidate.args }
}

fn is_input(parameter: &FunctionParameter) -> bool {
    matches!(parameter.mode, ParameterMode::In | ParameterMode::InOut | ParameterMode::Variadic)
}

/// The properties that a call requires of a function.
struct Sought<'c> {
    name: &'c QualifiedName,
    /// The number of arguments.
    given: usize,
    /// The name of each argument that is written with a name.
    names: &'c [Option<&'c str>],
    /// Whether a VARIADIC parameter may take single elements: the call does not contain the keyword VARIADIC.
    spread: bool,
    /// Whether the call passes arguments for the OUT parameters too.
    with_out: bool,
}

impl Sought<'_> {
    /// Returns the declared type of each argument, and whether a VARIADIC parameter takes single elements.
    fn fit(&self, shape: &Shape<'_>) -> Option<(Vec<Oid>, bool)> {
        shape.fit(self.given, self.names, self.spread)
    }
}

/// The declared shape of one function.
struct Shape<'s> {
    declared: &'s [Oid],
    names: &'s [&'s str],
    variadic: Oid,
    defaults: usize,
}

impl Shape<'_> {
    /// Returns the declared type of each argument given, if the function accepts this number of arguments and these
    /// names.
    fn fit(&self, given: usize, names: &[Option<&str>], spread: bool) -> Option<(Vec<Oid>, bool)> {
        let declared = self.declared.len();
        if names.iter().any(Option::is_some) {
            return if spread && self.variadic != 0 { None } else { self.fit_named(given, names) };
        }
        if given == declared && !(self.variadic != 0 && spread) {
            return Some((self.declared.to_vec(), false));
        }
        if self.variadic != 0 && spread && given >= declared {
            let mut args = self.declared[..declared - 1].to_vec();
            args.resize(given, self.variadic);
            return Some((args, true));
        }
        if given < declared && given + self.defaults >= declared {
            return Some((self.declared[..given].to_vec(), false));
        }
        None
    }

    fn fit_named(&self, given: usize, names: &[Option<&str>]) -> Option<(Vec<Oid>, bool)> {
        if given > self.declared.len() {
            return None;
        }
        let mut positions = Vec::with_capacity(given);
        for (at, name) in names.iter().enumerate().take(given) {
            let position = match name {
                Some(name) => self.names.iter().position(|known| known == name)?,
                None => at,
            };
            if positions.contains(&position) {
                return None;
            }
            positions.push(position);
        }
        // A parameter without an argument must have a default.
        let first_default = self.declared.len() - self.defaults.min(self.declared.len());
        let missing = (0..self.declared.len()).filter(|position| !positions.contains(position));
        if missing.clone().any(|position| position < first_default) {
            return None;
        }
        let args = positions.iter().map(|position| self.declared[*position]).collect();
        Some((args, false))
    }
}
