//! Converts typed queries into Rust tokens.
//!
//! Input: an [`Emission`]: a [`TypedQuery`](crate::TypedQuery), its `Fields`, and the user's code around it. Output:
//! tokens for code that looks as if it were written by hand. Of the crate `dsql_edge`, the tokens use only
//! `::dsql_edge::private` and `::dsql_edge::types`; they also use `::core` and `::std`. Emission cannot fail because of
//! the user's SQL.

mod batches;
mod column_names;
mod emission;
mod function;
mod labels;
mod many;
mod row;
mod rust_source;
mod statement;

pub use emission::{
    Argument, Emission, Many, RowTarget, RowType, WrittenTypes, field_types, marker_tokens, parameter_names,
    shown_field_type,
};
pub use function::{Function, Returns, parameter_type, shown_parameter_type};
pub use labels::parameter_labels;
pub use row::{Declaration, declaration, declared_type};
pub use statement::{effect_path, session_path};

use crate::typed::SessionEffect;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use rust_source::RustSource;

impl Emission<'_> {
    /// Returns an expression whose value has the runtime's type for the statement, such as `Query`, `Command` or
    /// `Batches`.
    pub fn expression(&self) -> TokenStream {
        if let Some(batches) = self.batches {
            return batches::expression(self, batches);
        }
        if let Some(many) = self.many {
            return many::expression(self, many);
        }
        let names = parameter_names(self.arguments);
        let arguments = self.arguments.iter().map(|(value, _)| value);
        let count = names.len();
        let mutable = if count == 0 { quote!() } else { quote!(mut) };
        let arguments_name = format_ident!("arguments", span = Span::mixed_site());
        let chosen = statement::chosen(self.query, &names, &arguments_name);
        let bind = statement::bind(self.query, &names, &quote!(&mut #arguments_name));
        let kind = kind(self);
        let mut items = RustSource::default();
        let last = match (self.query.idempotency.key(), self.query.columns.is_empty()) {
            (Some(key), true) => {
                statement::constraints(key, &mut items);
                quote!(, &KEY)
            }
            (None, true) => quote!(),
            (_, false) => {
                let decode = row::row(self.fields, self.row, self.types, &mut items);
                quote!(, #decode)
            }
        };
        labels::labels(self, &mut items);
        statement::statements(self, &mut items);
        let items = items.parse();
        let result = quote!(::dsql_edge::private::#kind::new(#chosen, #arguments_name #last));
        // The block contains generated items; the arguments are evaluated outside the block, so that the arguments
        // cannot refer to the names of these items.
        quote! {
            match (#(&(#arguments),)*) {
                (#(#names,)*) => {
                    #items
                    let #mutable #arguments_name = ::dsql_edge::private::Arguments::with_capacity(#count);
                    #bind
                    #result
                }
            }
        }
    }
}

/// Returns the name of the runtime's type for a query. A statement without columns is a command.
fn kind(emission: &Emission<'_>) -> Ident {
    if emission.batches.is_some() {
        return Ident::new("Batches", Span::call_site());
    }
    let query = emission.query;
    let changes = query.session == SessionEffect::Changes;
    let name = match (query.columns.is_empty(), changes) {
        (false, false) => "Query",
        (false, true) => "SessionQuery",
        (true, true) => "SessionCommand",
        (true, false) if query.idempotency.key().is_some() => "KeyInsert",
        (true, false) => "Command",
    };
    Ident::new(name, Span::call_site())
}
