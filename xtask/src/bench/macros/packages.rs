//! The two packages: the same functions, with `sql!` and with `query!`. Writes and compiles both packages.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dsql_edge_compiler::sql_type::{SqlType, SqlTypeKind};
use xtask::project;

use super::queries::Query;
use super::rustc::{self, Run};

/// The command that compiles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// `cargo check`
    Check,
    /// `cargo build`
    Build,
}

/// The crate whose macro compiles the queries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    /// `dsql_edge::sql!`
    Ours,
    /// `sqlx::query!`, offline
    Sqlx,
}

/// A package on disk, with a separate target folder.
pub(super) struct Package {
    peer: Peer,
    folder: PathBuf,
}

impl Package {
    /// Writes everything except the queries.
    pub(super) fn write(peer: Peer, folder: &Path) -> Result<Self> {
        let folder = folder.join(peer.name());
        fs::create_dir_all(folder.join("src"))?;
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
             [dependencies]\n{}\n",
            peer.name(),
            peer.dependencies()
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        Ok(Self { peer, folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compiles the package with these queries. If the dependencies of the package are not compiled yet, the time for
    /// the dependencies is not counted.
    pub(super) fn compile(&self, mode: Mode, schema: &Path, queries: &[Query]) -> Result<Run> {
        let mut source = String::from(self.peer.prelude());
        for (at, query) in queries.iter().enumerate() {
            self.function(&mut source, at, query)?;
        }
        // The file is written each time, so that cargo compiles it again.
        fs::write(self.folder.join("src/lib.rs"), source)?;
        let mut cargo = project::cargo();
        cargo.current_dir(&self.folder).arg(match mode {
            Mode::Check => "check",
            Mode::Build => "build",
        });
        cargo
            .arg("--quiet")
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("CARGO_INCREMENTAL", "0");
        cargo.env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL").env("DSQL_EDGE_SCHEMA", schema);
        rustc::watched(&mut cargo, &self.peer.name().replace('-', "_"), &self.folder.join("rustc.jsonl"))
    }

    /// Writes one function per query, which fetches all rows and uses all columns.
    fn function(&self, out: &mut String, at: usize, query: &Query) -> Result<()> {
        let parameters: Vec<&str> = query
            .typed
            .parameters
            .iter()
            .map(|parameter| argument_type(&parameter.sql_type))
            .collect::<Result<_>>()?;
        let names: Vec<String> = (1..=parameters.len()).map(|number| format!("p{number}")).collect();
        let taken: String =
            names.iter().zip(&parameters).map(|(name, ty)| format!(", {name}: {ty}")).collect();
        let given: String = names.iter().map(|name| format!(", {name}")).collect();
        let (client, error, call) = match self.peer {
            Peer::Ours => ("&Dsql", "dsql_edge::Error", "sql!"),
            Peer::Sqlx => ("&PgPool", "sqlx::Error", "sqlx::query!"),
        };
        let sql = &query.sql;
        writeln!(out, "pub async fn query_{at}(db: {client}{taken}) -> Result<(), {error}> {{")?;
        if query.typed.columns.is_empty() {
            writeln!(out, "    {call}({sql:?}{given}).execute(db).await?;")?;
        } else {
            let used = query.typed.columns.iter().map(|column| format!("&row.{}", column.name));
            writeln!(out, "    for row in {call}({sql:?}{given}).fetch_all(db).await? {{")?;
            writeln!(out, "        black_box(({},));", used.collect::<Vec<_>>().join(", "))?;
            writeln!(out, "    }}")?;
        }
        writeln!(out, "    Ok(())\n}}\n")?;
        Ok(())
    }
}

impl Peer {
    pub(super) fn name(self) -> &'static str {
        match self {
            Peer::Ours => "with-dsql-edge",
            Peer::Sqlx => "with-sqlx",
        }
    }

    fn dependencies(self) -> String {
        match self {
            Peer::Ours => format!("dsql-edge = {{ path = {:?} }}", project::root().join("dsql-edge")),
            Peer::Sqlx => format!(
                "sqlx = {{ version = \"{SQLX}\", default-features = false, features = [\"macros\", \"postgres\", \
                 \"runtime-tokio\", \"chrono\", \"uuid\", \"json\", \"rust_decimal\"] }}"
            ),
        }
    }

    /// Returns the dependency on the macro's crate alone, as a line of a Cargo.toml. The features of this dependency
    /// correspond to those in `dependencies`.
    pub(super) fn macro_dependency(self) -> String {
        match self {
            Peer::Ours => {
                format!("dsql-edge-macros = {{ path = {:?} }}", project::root().join("dsql-edge-macros"))
            }
            Peer::Sqlx => format!(
                "sqlx-macros = {{ version = \"{SQLX}\", features = [\"macros\", \"derive\", \"postgres\", \
                 \"_rt-tokio\", \"chrono\", \"uuid\", \"json\", \"rust_decimal\"] }}"
            ),
        }
    }

    fn prelude(self) -> &'static str {
        match self {
            Peer::Ours => {
                "#![allow(unused_imports)]\nuse dsql_edge::{Dsql, sql};\nuse dsql_edge::types::*;\n\
                 use std::hint::black_box;\n\n"
            }
            Peer::Sqlx => {
                "#![allow(unused_imports)]\nuse sqlx::PgPool;\nuse sqlx::types::chrono::*;\n\
                 use sqlx::types::{Decimal, JsonValue, Uuid};\nuse std::hint::black_box;\n\n"
            }
        }
    }
}

/// The version of sqlx that is measured.
const SQLX: &str = "=0.9.0";

/// Returns the Rust type that users usually write for a function's argument whose SQL type is `sql_type`.
fn argument_type(sql_type: &SqlType) -> Result<&'static str> {
    Ok(match (&sql_type.kind, sql_type.name.as_str()) {
        (SqlTypeKind::Array(element), _) => match element.name.as_str() {
            "uuid" => "&[Uuid]",
            other => bail!("an array of {other} has no argument type here: add it"),
        },
        (_, "bool") => "bool",
        (_, "int4") => "i32",
        (_, "int8") => "i64",
        (_, "float8") => "f64",
        (_, "numeric") => "Decimal",
        (_, "text" | "varchar" | "bpchar") => "&str",
        (_, "uuid") => "Uuid",
        (_, "date") => "NaiveDate",
        (_, "timestamptz") => "DateTime<Utc>",
        (_, other) => Err(other).ok().context(format!("{other} has no argument type here: add it"))?,
    })
}
