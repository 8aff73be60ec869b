//! Emits named query functions.
//!
//! Input: the signature that the user wrote, and the [`Emission`] of the function's SQL. Output: a `fn` that returns a
//! query.

use super::emission::{Emission, optional, readable};
use super::rust_source::parsed;
use crate::fields::{RustType, rust_type};
use crate::typed::TypedParameter;
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// A query function without its SQL: attributes, name, parameters and result.
pub struct Function {
    /// Attributes, including documentation.
    pub attributes: TokenStream,
    /// The visibility, such as `pub`.
    pub visibility: TokenStream,
    /// Its name.
    pub name: Ident,
    /// The generics `<'a, T: …>`, or no tokens.
    pub generics: TokenStream,
    /// Names and types of the parameters, in the order of the signature.
    pub parameters: Vec<(Ident, TokenStream)>,
    /// The result of the query.
    pub returns: Returns,
}

/// The result of a query function.
pub enum Returns {
    /// The function returns a query, and the rows of the query have this type.
    Rows(TokenStream),
    /// A statement without rows.
    Nothing,
    /// A statement that runs in batches.
    Batches,
}

impl Function {
    /// Returns the function with its query.
    pub fn with_query(&self, emission: &Emission<'_>) -> TokenStream {
        self.with_body(&super::kind(emission), &emission.expression())
    }

    /// Returns the function if its SQL has errors: its body does not run a query, but its callers compile.
    pub fn without_query(&self) -> TokenStream {
        let names = self.parameters.iter().map(|(name, _)| name);
        // The query did not compile, so the result that the user declared determines the type that the function
        // returns.
        let kind = match self.returns {
            Returns::Rows(_) => "Query",
            Returns::Nothing => "Command",
            Returns::Batches => "Batches",
        };
        let kind = Ident::new(kind, proc_macro2::Span::call_site());
        self.with_body(&kind, &quote! { #(let _ = #names;)* loop {} })
    }

    fn with_body(&self, kind: &Ident, body: &TokenStream) -> TokenStream {
        let Function { attributes, visibility, name, generics, parameters, returns } = self;
        let parameters = parameters.iter().map(|(name, ty)| quote!(#name: #ty));
        let returned = match returns {
            Returns::Rows(row) => quote!(::dsql_edge::private::#kind<#row>),
            Returns::Nothing | Returns::Batches => quote!(::dsql_edge::private::#kind),
        };
        quote! {
            #attributes
            #visibility fn #name #generics (#(#parameters),*) -> #returned {
                #body
            }
        }
    }
}

/// Returns the type of a function's parameter, as Rust code usually writes it.
pub fn shown_parameter_type(parameter: &TypedParameter) -> String {
    readable(&parameter_type(parameter).to_string())
}

/// Returns the type of a function's parameter, if the user wrote no type. The result is the Rust type of the SQL type.
/// If this Rust type owns memory (`String`), the result is its borrowed form (`&str`). The type is an `Option` if NULL
/// has a meaning, or if a piece of optional text is sent only with this parameter.
pub fn parameter_type(parameter: &TypedParameter) -> TokenStream {
    let borrowed = |owned: &str| match owned {
        "::std::string::String" => "&str".to_owned(),
        "::std::vec::Vec<u8>" => "&[u8]".to_owned(),
        "::dsql_edge::types::JsonValue" => "&::dsql_edge::types::JsonValue".to_owned(),
        copied => copied.to_owned(),
    };
    let inner = match rust_type(&parameter.sql_type, false).1 {
        RustType::Known(known) => borrowed(known),
        RustType::Vec { element, .. } => format!("&[{}]", borrowed(element)),
        // Only a column can have a Rust type that the user named.
        RustType::Written(_) | RustType::Directive(_) => "&str".to_owned(),
    };
    // For a parameter of optional text, an `Option` determines whether the text is sent. A second `Option` is needed if
    // NULL is also an ordinary value of the parameter: `{? , body = $body }`.
    let is_option = if parameter.optional { parameter.null_is_value } else { parameter.null_expected };
    parsed(&optional(parameter.optional, optional(is_option, inner)))
}
