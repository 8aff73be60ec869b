//! Emits a statement for many rows.
//!
//! Input: an [`Emission`] and the rows of the statement. Output: an expression that owns the iterator over the rows.
//! When the statement is sent, the expression binds all rows to one array per parameter, or binds each row for a
//! separate execution.

use super::emission::{Emission, Many, parameter_names};
use super::rust_source::RustSource;
use super::{labels, row, statement};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

pub(super) fn expression(emission: &Emission<'_>, many: &Many) -> TokenStream {
    let Many { pattern, rows, unnest } = many;
    let query = emission.query;
    let names = parameter_names(emission.arguments);
    let values = emission.arguments.iter().map(|(value, _)| value);
    let arguments = Ident::new("arguments", Span::mixed_site());
    let all = Ident::new("rows", Span::mixed_site());
    let bind = match unnest {
        Some(_) => statement::bind_elements(query, &names, &arguments),
        None => statement::bind(query, &names, &quote!(#arguments)),
    };
    let bound = quote!(match (#(&(#values),)*) { (#(#names,)*) => { #bind } });
    let produced = match unnest {
        Some(unnest) => {
            let oids = unnest.types.iter().map(|(element, _)| element);
            quote! {
                ::dsql_edge::private::arrays(
                    &[#(#oids),*],
                    #rows,
                    |#pattern, #arguments: &mut ::dsql_edge::private::ManyRows| #bound,
                )
            }
        }
        None => {
            // Without parameters, the pattern's variables are not used.
            let allowed = names.is_empty().then(|| quote!(#[allow(unused_variables)]));
            quote! {
                ::dsql_edge::private::rows(
                    #rows,
                    #allowed |#pattern, #arguments: &mut ::dsql_edge::private::Arguments| #bound,
                )
            }
        }
    };
    let mut items = RustSource::default();
    let result = if query.columns.is_empty() {
        quote!(::dsql_edge::private::BulkCommand::new(&STATEMENT, #all))
    } else {
        let decode = row::row(emission.fields, emission.row, emission.types, &mut items);
        quote!(::dsql_edge::private::BulkQuery::new(&STATEMENT, #all, #decode))
    };
    labels::labels(emission, &mut items);
    statement::statements(emission, &mut items);
    let items = items.parse();
    // The items are in a separate block, so that the user's expressions cannot refer to the names of these items. The
    // `match` keeps temporary values alive until its end, so the expressions can borrow from them.
    quote! {
        match #produced {
            #all => {
                #items
                #result
            }
        }
    }
}
