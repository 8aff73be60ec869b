//! One statement for many rows.
//!
//! Input: an [`Emission`] and what it iterates over. Output: an expression that holds the iterator and binds row after
//! row when they are sent: into one array a parameter, or each for an execution of its own.

use super::emission::{Emission, Many, parameter_names};
use super::{row, statement};
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
        None => statement::bind(query, &names),
    };
    let bound = quote!(match (#(&(#values),)*) { (#(#names,)*) => { #(#bind)* } });
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
            // Without a parameter nothing is bound.
            let allowed = names.is_empty().then(|| quote!(#[allow(unused_variables)]));
            quote! {
                ::dsql_edge::private::rows(
                    #rows,
                    #allowed |#pattern, #arguments: &mut ::dsql_edge::private::Arguments| #bound,
                )
            }
        }
    };
    let statement = statement::statements(emission);
    let (row, result) = if query.columns.is_empty() {
        (quote!(), quote!(::dsql_edge::private::BulkCommand::new(&STATEMENT, #all)))
    } else {
        let row = row::row(emission.fields, emission.row, emission.types);
        (row, quote!(::dsql_edge::private::BulkQuery::new(&STATEMENT, #all, decode)))
    };
    // The items are in a block of their own, where the user's expressions do not see their names; and what those
    // expressions borrow from lives on until the whole statement ends.
    quote! {
        match #produced {
            #all => {
                #row
                #statement
                #result
            }
        }
    }
}
