//! `crate::` in the directives of a snapshot: the package's library, in each target of the package.

use dsql_edge_tests::scratch_package::Package;

const SNAPSHOT: &str = "-- dsql-edge: search_path public
-- dsql-edge: type links.id = crate::ids::LinkId
-- dsql-edge: type bool = std::option::Option<crate::Flag>
CREATE TABLE links (id int PRIMARY KEY, live bool NOT NULL, title text NOT NULL);
";

const TYPES: &str = "
/// Ids.
pub mod ids {
    use dsql_edge::types::{Column, ConversionError, sql::Int4};
    /// The id of a link.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct LinkId(pub i32);
    impl<N> Column<Int4, N> for LinkId {
        fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
            <i32 as Column<Int4, dsql_edge::private::NotNull>>::decode(bytes).map(LinkId)
        }
    }
}
use dsql_edge::types::{Column, ConversionError, sql::Bool};
/// A flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag(pub bool);
impl<N> Column<Bool, N> for Flag {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        <bool as Column<Bool, dsql_edge::private::NotNull>>::decode(bytes).map(Flag)
    }
}
";

/// A query of each form: an expression, a function that declares its row, and a function with a user's struct.
fn queries(library: &str) -> String {
    format!(
        "
use {library}::{{Flag, ids::LinkId}};
/// A link.
pub struct Mine {{ pub id: LinkId, pub live: Option<Flag> }}
dsql_edge::sql! {{
    /// Links.
    pub fn links() -> #[derive(Eq)] pub Link = \"SELECT id, live FROM links\";
    /// The same.
    pub fn own() -> Mine = \"SELECT id, live FROM links\";
}}
/// The first.
pub async fn first(dsql: &dsql_edge::Dsql) -> Result<(LinkId, Option<Flag>), dsql_edge::Error> {{
    let row = dsql_edge::sql!(\"SELECT id, live FROM links LIMIT 1\").fetch_one(dsql).await?;
    Ok((row.id, row.live))
}}
"
    )
}

/// A package with each kind of target; one test target has the same name as the library.
fn package(library: &'static str, section: &str) -> Package {
    let library_source = format!("//! A library.\n{TYPES}\npub mod here {{ {} }}", queries("crate"));
    let code: String = queries(library).lines().filter(|line| !line.contains("///")).collect();
    let doctest = format!("\n/// ```\n/// {code}\n/// ```\npub fn shown() {{}}\n");
    let unit = format!("\n#[cfg(test)]\nmod tests {{ {} #[test] fn runs() {{}} }}", queries("crate"));
    let other = format!("#![allow(missing_docs, dead_code)]\n{}", queries(library));
    let package = Package::new("link-shop", &[("dsql-schema.sql", SNAPSHOT)]);
    let manifest = std::fs::read_to_string(package.path().join("Cargo.toml")).unwrap();
    package.write("Cargo.toml", &format!("{manifest}{section}"));
    package.write("src/lib.rs", &(library_source + &doctest + &unit));
    for file in ["src/main.rs", "src/bin/other.rs", "examples/shown.rs", "build_tool/main.rs"] {
        package.write(file, &format!("{other}\nfn main() {{}}"));
    }
    let test = format!("{other}\n#[test]\nfn runs() {{}}");
    for file in [format!("tests/{library}.rs"), "tests/it/main.rs".to_owned()] {
        package.write(&file, &test);
    }
    package.write("benches/fast.rs", &format!("{other}\nfn main() {{}}"));
    package
}

#[test]
fn crate_is_the_library_in_every_target() {
    let bench = "\n[[bench]]\nname = \"fast\"\nharness = false\n\n[[bin]]\nname = \"tool\"\npath = \"build_tool/main.rs\"\n";
    let plain = package("link_shop", bench);
    plain.built(&["check", "--all-targets"], &[]);
    plain.built(&["test", "--doc"], &[]);
    let named = package("shop", &format!("\n[lib] # named\n'name' = \"shop\" # so\n{bench}"));
    named.built(&["check", "--lib", "--bin", "tool", "--test", "shop", "--example", "shown"], &[]);
}

#[test]
fn crate_without_a_library_is_the_binary_or_an_error() {
    let package = Package::new("only-a-binary", &[("dsql-schema.sql", SNAPSHOT)]);
    let main = format!("#![allow(dead_code)]\n{TYPES}\nmod here {{ {} }}\nfn main() {{}}", queries("crate"));
    package.write("src/main.rs", &main);
    package.built(&["check"], &[]);
    let query = "#[test]\nfn runs() { let _ = dsql_edge::sql!(\"SELECT id FROM links\"); }";
    package.write("tests/it.rs", query);
    let printed = package.failed(&["check", "--test", "it"], &[]);
    assert!(printed.contains("`type links.id = crate::ids::LinkId`"), "{printed}");
    assert!(printed.contains("dsql-schema.sql:2"), "{printed}");
    assert!(printed.contains("the package has no library"), "{printed}");
    assert!(printed.contains("due to 1 previous error"), "{printed}");
    let example = "fn main() { let _ = dsql_edge::sql!(\"SELECT id FROM links\"); }";
    package.write("examples/shown.rs", example);
    let printed = package.failed(&["check", "--example", "shown"], &[]);
    assert!(printed.contains("the package has no library, so this test, benchmark or example"), "{printed}");
}

#[test]
fn crate_of_a_cdylib_is_an_error_outside_of_it() {
    let package = Package::new("worker-shop", &[("dsql-schema.sql", SNAPSHOT)]);
    let manifest = std::fs::read_to_string(package.path().join("Cargo.toml")).unwrap();
    package.write("Cargo.toml", &format!("{manifest}\n[lib]\ncrate-type = [\"cdylib\"]\n"));
    package.write("src/lib.rs", &format!("//! A Worker.\n{TYPES}\npub mod here {{ {} }}", queries("crate")));
    package.write("tests/it.rs", "#[test]\nfn runs() { let _ = dsql_edge::sql!(\"SELECT id FROM links\"); }");
    package.built(&["check", "--lib"], &[]);
    let printed = package.failed(&["check", "--test", "it"], &[]);
    for part in ["`type links.id = crate::ids::LinkId`", "the library is a cdylib only", "\"rlib\""] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let both = format!("{manifest}\n[lib]\ncrate-type = [\n    \"cdylib\",\n    \"rlib\",\n]\n");
    package.write("Cargo.toml", &both);
    package.built(&["check", "--test", "it"], &[]);
}

#[test]
fn a_path_that_does_not_resolve_names_its_directive() {
    let source = "pub mod ids {}\npub fn f() { let _ = dsql_edge::sql!(\"SELECT id FROM links\"); }";
    let package = Package::new("wrong-directives", &[("src/lib.rs", source)]);
    for (rust, error) in [
        ("crate::ids::Nothing", "cannot find type `Nothing`"),
        ("crate::no::Nothing", "no"),
        ("nowhere::Nothing", "nowhere"),
        ("NotImported", "cannot find type `NotImported`"),
    ] {
        let snapshot =
            format!("\n-- dsql-edge: type links.id = {rust}\nCREATE TABLE links (id int NOT NULL);");
        package.write("dsql-schema.sql", &snapshot);
        let printed = package.failed(&["check"], &[]);
        assert!(printed.contains(error), "{rust}: {printed}");
        assert!(printed.contains("the macro `type_links_id_at_dsql_schema_sql_line_2`"), "{rust}: {printed}");
    }
    for rust in ["crate::", "m²", "a b", "Vec<", "i32; fn f() {}"] {
        let snapshot = format!("-- dsql-edge: type links.id = {rust}\nCREATE TABLE links (id int NOT NULL);");
        package.write("dsql-schema.sql", &snapshot);
        let printed = package.failed(&["check"], &[]);
        assert!(printed.contains(&format!("`type links.id = {rust}`")), "{rust}: {printed}");
        assert!(printed.contains("dsql-schema.sql:1"), "{rust}: {printed}");
        assert!(printed.contains("is not a Rust type"), "{rust}: {printed}");
        assert!(printed.contains("due to 1 previous error"), "{rust}: {printed}");
    }
}
