//! One statement for many rows.
//!
//! In: an [`Emission`] and what it iterates over. Out: an expression that binds row after row: all into one array a
//! parameter, or each for an execution of its own.

use super::{Emission, Many, parameter_names, row, statement};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

pub(super) fn expression(emission: &Emission<'_>, many: &Many) -> TokenStream {
    let Many { pattern, rows, unnest } = many;
    let query = emission.query;
    let names = parameter_names(emission.arguments);
    let arguments = emission.arguments.iter().map(|(value, _)| value);
    let arguments_name = Ident::new("arguments", Span::mixed_site());
    let all = Ident::new("rows", Span::mixed_site());
    let count = names.len();
    let (start, bind, end) = match unnest {
        Some(unnest) => {
            let oids = unnest.types.iter().map(|(element, _)| element);
            let bind = statement::bind_elements(query, &names, &all);
            (
                quote!(let mut #all = ::dsql_edge::private::ManyRows::new(&[#(#oids),*]);),
                quote!(#(#bind)*),
                quote!(#all.into_arguments()),
            )
        }
        None => {
            let bind = statement::bind(query, &names);
            let mutable = if count == 0 { quote!() } else { quote!(mut) };
            (
                quote!(let mut #all = ::std::vec::Vec::new();),
                quote! {
                    let #mutable #arguments_name = ::dsql_edge::private::Arguments::with_capacity(#count);
                    #(#bind)*
                    #all.push(#arguments_name);
                },
                quote!(#all),
            )
        }
    };
    let statement = statement::statements(emission);
    let make = if unnest.is_some() { quote!(new) } else { quote!(many) };
    let (row, result) = if query.columns.is_empty() {
        (quote!(), quote!(::dsql_edge::private::Command::#make(&STATEMENT, #end)))
    } else {
        let row = row::row(emission.fields, emission.row, emission.types);
        (row, quote!(::dsql_edge::private::Query::#make(&STATEMENT, #end, decode)))
    };
    // The items stand in a block of their own, where the user's expressions do not see their names.
    quote! {
        {
            #start
            for #pattern in #rows {
                match (#(&(#arguments),)*) {
                    (#(#names,)*) => { #bind }
                }
            }
            {
                #row
                #statement
                #result
            }
        }
    }
}
