//! The arguments of `#[dsql_edge::test(…)]`.

use dsql_edge_macro_input::{faults, role_name};
use proc_macro2::Ident;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{LitStr, Token, parenthesized};

const KNOWN: &str =
    "the arguments are fixtures(\"…\"), faults(\"…\"), migrations = \"…\", own_server, roles(\"…\")";

/// The arguments.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) fixtures: Vec<LitStr>,
    pub(super) faults: Vec<LitStr>,
    pub(super) roles: Vec<LitStr>,
    pub(super) migrations: Option<LitStr>,
    pub(super) own_server: bool,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Arguments> {
        let mut arguments = Arguments::default();
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if seen.contains(&name) {
                return Err(syn::Error::new(name.span(), format!("`{name}` is written twice")));
            }
            match name.to_string().as_str() {
                "fixtures" => arguments.fixtures = listed(&name, input)?,
                "faults" => {
                    arguments.faults = listed(&name, input)?;
                    check_faults(&name, &arguments.faults)?;
                }
                "roles" => {
                    arguments.roles = listed(&name, input)?;
                    check_roles(&arguments.roles)?;
                }
                "migrations" => {
                    let wrong = |_| {
                        let form = "write the folder, relative to Cargo.toml: migrations = \"migrations\"";
                        syn::Error::new(name.span(), form)
                    };
                    input.parse::<Token![=]>().map_err(wrong)?;
                    arguments.migrations = Some(input.parse().map_err(wrong)?);
                }
                "own_server" => arguments.own_server = true,
                _ => {
                    let why = format!("`{name}` is not an argument of this attribute: {KNOWN}");
                    return Err(syn::Error::new(name.span(), why));
                }
            }
            seen.push(name);
            if input.is_empty() {
                break;
            }
            input.parse::<Token![,]>()?;
        }
        Ok(arguments)
    }
}

/// Reads `("a", "b")`.
fn listed(name: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    let wrong = |_| syn::Error::new(name.span(), format!("write texts in parentheses: {name}(\"…\")"));
    let texts = || {
        let content;
        parenthesized!(content in input);
        Punctuated::<LitStr, Token![,]>::parse_terminated(&content)
    };
    Ok(texts().map_err(wrong)?.into_iter().collect())
}

/// Checks each list of faults, and then all lists together: latencies add up.
fn check_faults(name: &Ident, lists: &[LitStr]) -> syn::Result<()> {
    let texts: Vec<String> = lists.iter().map(LitStr::value).collect();
    for (list, text) in lists.iter().zip(&texts) {
        faults::of_lists([text.as_str()]).map_err(|error| syn::Error::new(list.span(), error))?;
    }
    let all = faults::of_lists(texts.iter().map(String::as_str));
    all.map(drop).map_err(|error| syn::Error::new(name.span(), error))
}

fn check_roles(roles: &[LitStr]) -> syn::Result<()> {
    let wrong = |role: &LitStr| {
        let advice = role_name::advice(&role.value())?;
        Some(syn::Error::new(role.span(), format!("the role {:?}: {advice}", role.value())))
    };
    roles.iter().find_map(wrong).map_or(Ok(()), Err)
}
