//! Expands `sql!` as items: query functions, and the rows that they declare.
//!
//! Input: a block of functions. Output: a `fn` for each query function, and one struct for each declared row; functions
//! that declare the same row share its struct. If the SQL is wrong, the signature and every column that resolved are
//! still emitted, so that rustc shows exactly one error.

use crate::arguments::{self, Value};
use crate::check::{Checked, check, check_in_batches, check_partly};
use crate::row_attributes::RowAttributes;
use crate::row_input::row_type;
use crate::snapshot::{self, Snapshot};
use crate::text::{Text, compile_error};
use crate::warnings::{split, warnings};
use dsql_edge_compiler::emit::{
    Declaration, Emission, Function, Returns, RowTarget, declaration, declared_type, field_types,
    parameter_labels, parameter_type,
};
use dsql_edge_compiler::syntax;
use dsql_edge_compiler::typed::TypedParameter;
use dsql_edge_macro_input::{self as macro_input, FunctionInput, RowInput};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::spanned::Spanned as _;
use syn::{Attribute, Type, Visibility};

pub(crate) use dsql_edge_macro_input::are_functions;

/// Expands the whole block.
pub(crate) fn functions(tokens: TokenStream) -> TokenStream {
    let (inputs, errors) = macro_input::functions(tokens);
    let mut out: TokenStream = errors.iter().map(syn::Error::to_compile_error).collect();
    let snapshot = match snapshot::snapshot() {
        Ok(snapshot) => Some(snapshot),
        Err(message) => {
            let span = inputs.first().map_or_else(Span::call_site, |input| input.sql.span());
            out.extend(compile_error(span, &message));
            None
        }
    };
    let mut functions: Vec<Compiled> =
        inputs.into_iter().map(|input| Compiled::new(input, snapshot.as_ref())).collect();
    for (at, error) in differences(&functions) {
        if let Some(function) = functions.get_mut(at) {
            function.errors.extend(error);
        }
    }
    // The directives' macros come before the rows that use them: a macro is in scope only after its definition.
    out.extend(functions.iter().filter_map(|it| it.checked.as_ref()).map(|it| it.directives.clone()));
    out.extend(rows(&functions));
    out.extend(functions.iter().map(Compiled::expand));
    out.extend(snapshot.map(|snapshot| snapshot.tracked()));
    out
}

/// A query function with the result of compiling its SQL.
struct Compiled {
    input: FunctionInput,
    text: Text,
    /// The compiled query; if the SQL has errors, the parts that could be resolved.
    checked: Option<Checked>,
    arguments: Vec<Value>,
    errors: TokenStream,
}

impl Compiled {
    fn new(input: FunctionInput, snapshot: Option<&Snapshot>) -> Compiled {
        let text = Text::literal(input.sql.clone());
        let mut out =
            Compiled { input, text, checked: None, arguments: Vec::new(), errors: TokenStream::new() };
        let Some(snapshot) = snapshot else { return out };
        let lexed = syntax::lex(&out.text.source);
        let checked = match &out.input.batches {
            Some(size) => check_in_batches(&out.text, size, snapshot),
            None => check(&out.text, snapshot),
        };
        match checked {
            Ok(checked) => out.checked = Some(checked),
            Err(errors) => {
                out.errors.extend(errors);
                out.checked = check_partly(&out.text, snapshot);
            }
        }
        if out.errors.is_empty() && out.input.is_row_only {
            // The parameters of the SQL do not change the columns of the row.
            out.errors.extend(out.row_error());
        } else if out.errors.is_empty() {
            match arguments::match_parameters(&lexed, &out.input.parameters, out.text.span) {
                Ok(arguments) => out.arguments = arguments,
                Err(errors) => out.errors.extend(errors.iter().map(syn::Error::to_compile_error)),
            }
            out.errors.extend(out.row_error());
        }
        out
    }

    /// Returns an error if the function has a row and the statement has no columns, if the function has no row and the
    /// statement has columns, or if the user's struct does not match the columns.
    fn row_error(&self) -> Option<TokenStream> {
        let checked = self.checked.as_ref()?;
        let columns = !checked.query.columns.is_empty();
        let message = match (&self.input.row, columns) {
            (None, true) => {
                "the statement returns columns: write its row type after the parameters; `-> pub Row` declares a struct here, `-> Row` uses an existing struct"
            }
            (Some(_), false) => {
                "the statement returns no columns, and so no row: add RETURNING, or remove the arrow and the row"
            }
            (Some(RowInput::Own(row)), true) => {
                let wrong = row_type(row, &checked.fields.entries).err();
                return wrong.map(|error| error.to_compile_error());
            }
            _ => return None,
        };
        Some(compile_error(self.text.span, message))
    }

    fn expand(&self) -> TokenStream {
        if self.input.is_row_only {
            return self.errors.clone();
        }
        let (allowed, attributes) = split(&self.input.attributes);
        let function = Function {
            attributes,
            visibility: self.input.visibility.to_token_stream(),
            name: self.input.name.clone(),
            generics: self.input.generics.to_token_stream(),
            parameters: self.parameters(),
            returns: match &self.input.row {
                Some(row) => Returns::Rows(path(row)),
                None if self.input.batches.is_some() => Returns::Batches,
                None => Returns::Nothing,
            },
        };
        let (Some(checked), true) = (&self.checked, self.errors.is_empty()) else {
            let (row, function) = self.without_row(function);
            let (errors, function) = (&self.errors, function.without_query());
            return quote!(#errors #row #function);
        };
        let warnings = warnings(checked, &self.text, &allowed);
        let function = function.with_query(&Emission {
            query: &checked.query,
            fields: &checked.fields,
            types: &checked.types,
            row: &self.target(checked),
            arguments: &self.arguments,
            name: &self.input.name.to_string(),
            many: None,
            batches: checked.batches.as_ref(),
            place: Some(self.text.span),
        });
        let labels = self.labels(checked);
        quote!(#warnings #labels #function)
    }

    /// Adds a row to a function that has an error and declares no row, although its statement returns columns. So the
    /// calls that fetch rows cause no further error. Returns the row's struct, and the function.
    fn without_row(&self, mut function: Function) -> (TokenStream, Function) {
        let Some(checked) = &self.checked else { return (TokenStream::new(), function) };
        let (Returns::Nothing, false) = (&function.returns, checked.query.columns.is_empty()) else {
            return (TokenStream::new(), function);
        };
        let name = quote::format_ident!("RowOf_{}", self.input.name);
        let declaration = declaration(
            &Declaration {
                name: name.clone(),
                visibility: function.visibility.clone(),
                docs: quote!(#[doc(hidden)]),
                attributes: quote!(#[allow(dead_code, non_camel_case_types)]),
                derived: &[],
                serialized: &str::to_owned,
            },
            &checked.fields,
            &checked.types,
        );
        function.returns = Returns::Rows(quote!(#name));
        (declaration, function)
    }

    /// Returns the comparisons of the Rust types that the user specified for parameters with labels. A type that
    /// contains a lifetime, a generic parameter, `impl`, `dyn` or `Self` is not compared, because the comparison is a
    /// constant outside the function.
    fn labels(&self, checked: &Checked) -> TokenStream {
        let generics: Vec<String> =
            self.input.generics.type_params().map(|param| param.ident.to_string()).collect();
        let mut out = TokenStream::new();
        for (at, (name, written)) in self.input.parameters.iter().enumerate() {
            let labels = self.parameter(checked, at, name).and_then(|parameter| parameter.labels.as_ref());
            let (Some(labels), Some(written)) = (labels, written) else { continue };
            let tokens = without_lifetime(written).to_token_stream();
            if !names_any(tokens.clone(), &generics) {
                out.extend(parameter_labels(labels, &tokens));
            }
        }
        out
    }

    /// Returns the parameter of the compiled SQL for the parameter of the function with the index `at` and the name
    /// `name`.
    fn parameter<'c>(&self, checked: &'c Checked, at: usize, name: &Ident) -> Option<&'c TypedParameter> {
        let known = &checked.query.parameters;
        match known.iter().any(|parameter| parameter.name.is_some()) {
            true => {
                known.iter().find(|known| known.name.as_ref().is_some_and(|known| arguments::is(name, known)))
            }
            false => known.get(at),
        }
    }

    fn target(&self, checked: &Checked) -> RowTarget {
        match &self.input.row {
            Some(RowInput::Declared { name, .. }) => {
                RowTarget::Declared(declared_type(name, &checked.fields))
            }
            // `row_error` reports that the row does not match, so no second error is needed here.
            Some(RowInput::Own(row)) => {
                row_type(row, &checked.fields.entries).map_or(RowTarget::Anonymous, RowTarget::Struct)
            }
            None => RowTarget::Anonymous,
        }
    }

    fn parameters(&self) -> Vec<(Ident, TokenStream)> {
        let typed = |at: usize, name: &Ident| self.parameter(self.checked.as_ref()?, at, name);
        let each = self.input.parameters.iter().enumerate().map(|(at, (name, written))| {
            let ty = match (written, typed(at, name)) {
                (Some(written), _) => written.to_token_stream(),
                (None, Some(parameter)) if parameter.is_resolved() => parameter_type(parameter),
                // The type of this parameter is not known; this is reported as an error in the SQL. The signature
                // accepts any type for this parameter, so that callers of the function get no further error.
                (None, _) => quote!(impl ::core::marker::Sized),
            };
            (name.clone(), ty)
        });
        each.collect()
    }
}

/// Returns the type without a reference around it, because the reference's lifetime may be a parameter of the function.
fn without_lifetime(written: &Type) -> &Type {
    match written {
        Type::Reference(reference) => without_lifetime(&reference.elem),
        Type::Paren(inner) => without_lifetime(&inner.elem),
        Type::Group(inner) => without_lifetime(&inner.elem),
        other => other,
    }
}

/// Whether a type contains a lifetime, one of the names in `names`, or one of the words `impl`, `dyn` and `Self`.
fn names_any(tokens: TokenStream, names: &[String]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == '\'',
        TokenTree::Ident(ident) => {
            let ident = ident.to_string();
            matches!(ident.as_str(), "impl" | "dyn" | "Self") || names.contains(&ident)
        }
        TokenTree::Group(group) => names_any(group.stream(), names),
        TokenTree::Literal(_) => false,
    })
}

fn path(row: &RowInput) -> TokenStream {
    match row {
        RowInput::Declared { name, .. } => quote!(#name),
        RowInput::Own(row) => row.path.to_token_stream(),
    }
}

/// A row struct that a function's signature declares.
struct Declared<'f> {
    function: &'f Compiled,
    attributes: &'f [Attribute],
    visibility: &'f Visibility,
    name: &'f Ident,
}

impl<'f> Declared<'f> {
    fn of(function: &'f Compiled) -> Option<Declared<'f>> {
        match function.input.row.as_ref()? {
            RowInput::Declared { attributes, visibility, name } => {
                Some(Declared { function, attributes, visibility, name })
            }
            RowInput::Own(_) => None,
        }
    }

    /// Returns each field's name and type, sorted by name.
    fn shape(&self) -> Vec<(String, String)> {
        let Some(checked) = &self.function.checked else { return Vec::new() };
        let mut shape = field_types(&checked.fields, &checked.types);
        shape.sort();
        shape
    }

    /// Returns the first difference between this row and `first`, which has the same name but belongs to another
    /// function.
    fn difference(&self, first: &Declared<'_>) -> Option<(Span, String)> {
        let (this, that) = (&self.function.input.name, &first.function.input.name);
        let row = self.name;
        if self.visibility.to_token_stream().to_string() != first.visibility.to_token_stream().to_string() {
            let message = format!("`{row}` is also the row of `{that}`: use the same visibility");
            return Some((row.span(), message));
        }
        let text = |attributes: &[Attribute]| {
            attributes.iter().map(|it| it.to_token_stream().to_string()).collect::<String>()
        };
        if !self.attributes.is_empty() && text(self.attributes) != text(first.attributes) {
            let message = format!(
                "`{row}` is also the row of `{that}`, which comes first: write the attributes of `{row}` at `{that}`"
            );
            return Some((self.attributes.first().map_or(row.span(), |it| it.span()), message));
        }
        let (ours, theirs) = (self.shape(), first.shape());
        let find = |shape: &[(String, String)], name: &str| {
            shape.iter().find(|(known, _)| known == name).map(|(_, ty)| ty.clone())
        };
        let names = ours.iter().chain(&theirs).map(|(name, _)| name);
        let mut differences = names.filter_map(|name| match (find(&ours, name), find(&theirs, name)) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                Some(format!("column \"{name}\" is `{ours}` in `{this}` and `{theirs}` in `{that}`"))
            }
            (Some(_), None) => Some(format!("`{that}` has no column \"{name}\"")),
            (None, Some(_)) => Some(format!("`{this}` has no column \"{name}\"")),
            _ => None,
        });
        let difference = differences.next()?;
        let message =
            format!("`{row}` is the row of two functions that differ: {difference}; give one another name");
        Some((self.function.text.span, message))
    }
}

/// Compares each row with the first row of the same name. If the two differ, returns the index of the later row's
/// function, with the error.
fn differences(functions: &[Compiled]) -> Vec<(usize, TokenStream)> {
    let right = |function: &&Compiled| function.errors.is_empty();
    let mut out = Vec::new();
    for (at, function) in functions.iter().enumerate().filter(|(_, function)| right(function)) {
        let Some(declared) = Declared::of(function) else { continue };
        let first =
            functions.iter().filter(right).filter_map(Declared::of).find(|first| first.name == declared.name);
        let difference = first.and_then(|first| declared.difference(&first));
        out.extend(difference.map(|(span, message)| (at, compile_error(span, &message))));
    }
    out
}

/// Returns the structs that the functions declare, one for each name.
fn rows(functions: &[Compiled]) -> TokenStream {
    let mut out = TokenStream::new();
    let mut done: Vec<&Ident> = Vec::new();
    for declared in functions.iter().filter_map(Declared::of) {
        if done.contains(&declared.name) {
            continue;
        }
        done.push(declared.name);
        let mut same = functions.iter().filter_map(Declared::of).filter(|other| other.name == declared.name);
        // The columns of the row come from the first function without errors, or, if all functions have errors, from
        // the first function.
        let right = same.find(|other| other.function.errors.is_empty());
        out.extend(row(&declared, right.as_ref().unwrap_or(&declared)));
    }
    out
}

fn row(declared: &Declared<'_>, shape: &Declared<'_>) -> TokenStream {
    let mut out = TokenStream::new();
    let attributes = RowAttributes::new(declared.attributes).unwrap_or_else(|error| {
        out.extend(error.to_compile_error());
        RowAttributes::default()
    });
    let nothing = Checked::default();
    let checked = shape.function.checked.as_ref().unwrap_or(&nothing);
    let docs = if attributes.docs.is_empty() {
        let doc = match &declared.function.input {
            input if input.is_row_only => "A row of a query.".to_owned(),
            input => format!("A row of [`{}`].", input.name),
        };
        quote!(#[doc = #doc])
    } else {
        attributes.docs.clone()
    };
    let visibility = match declared.visibility {
        Visibility::Restricted(restricted) if restricted.path.is_ident("self") => TokenStream::new(),
        other => other.to_token_stream(),
    };
    let declaration = declaration(
        &Declaration {
            name: declared.name.clone(),
            visibility,
            docs,
            attributes: attributes.kept.clone(),
            derived: &attributes.derived,
            serialized: &|field| attributes.serialized(field),
        },
        &checked.fields,
        &checked.types,
    );
    quote!(#out #declaration)
}
