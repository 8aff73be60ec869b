//! `cargo xtask bench macro`: the cost of a query at build time, compared with sqlx 0.9 in offline mode.
//!
//! Two packages with the same functions, one with `sql!`, one with `query!`, are compiled without a query and with
//! several numbers of queries. The cost of a query is the difference from the package without queries. The figures
//! measure rustc itself: rustc reports the time of macro expansion, and the kernel reports the user time and the peak
//! memory. Each build is unoptimised, as in a debug build, and not incremental. Each figure is the minimum of several
//! rounds, because other processes can only make a figure larger.

mod cold;
mod offline;
mod packages;
mod queries;
pub(super) mod rustc;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use xtask::project;
use xtask::step::step;

use super::figures::Figures;
use packages::{Mode, Package, Peer};
use rustc::Run;

#[derive(Args)]
pub(crate) struct Options {
    /// Print one JSON object per figure
    #[arg(long)]
    json: bool,
    /// The numbers of queries in one crate
    #[arg(long, value_delimiter = ',', default_value = "10,100,500")]
    queries: Vec<usize>,
    /// How many times each package is compiled; the minimum is reported
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leave out the cold builds, which take minutes
    #[arg(long)]
    no_cold: bool,
    /// Leave out debug builds: run only `cargo check`
    #[arg(long)]
    no_build: bool,
}

/// A measured build: its macro, its cargo command (`check` or `build`), its schema, and its number of queries.
type Case = (Peer, Mode, Schema, usize);

/// The schema that `sql!` reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Schema {
    /// Only the tables that the queries use.
    Small,
    /// The same tables, between other tables: the whole schema has about a megabyte.
    Large,
}

pub(super) fn run(options: &Options) -> Result<()> {
    ensure!(options.rounds > 0, "--rounds must be at least 1");
    let figures = Figures::new("macro", options.json);
    let folder = project::target().join("xtask-bench");
    let _lock = project::lock("bench-macro")?;
    let packages = Packages::write(&folder, options)?;
    let least = measure(&packages, options)?;
    let bench = Results { least, options, figures: &figures };
    bench.print();
    if !options.no_cold {
        cold::measure(&folder, &figures)?;
    }
    Ok(())
}

/// The two packages, and the paths of the two schemas.
struct Packages {
    ours: Package,
    sqlx: Package,
    small: PathBuf,
    large: PathBuf,
    queries: Vec<queries::Query>,
}

impl Packages {
    fn write(folder: &std::path::Path, options: &Options) -> Result<Self> {
        let most = options.queries.iter().copied().max().unwrap_or(0);
        let queries = queries::queries(most)?;
        let (small, large) = (folder.join("small.sql"), folder.join("large.sql"));
        std::fs::create_dir_all(folder)?;
        std::fs::write(&small, queries::SCHEMA)?;
        std::fs::write(&large, queries::large_schema())?;
        let ours = Package::write(Peer::Ours, folder)?;
        let sqlx = Package::write(Peer::Sqlx, folder)?;
        offline::write(&queries, sqlx.folder())?;
        Ok(Self { ours, sqlx, small, large, queries })
    }

    fn compile(&self, (peer, mode, schema, count): Case) -> Result<Run> {
        let package = match peer {
            Peer::Ours => &self.ours,
            Peer::Sqlx => &self.sqlx,
        };
        let schema = match schema {
            Schema::Small => &self.small,
            Schema::Large => &self.large,
        };
        package.compile(mode, schema, self.queries.get(..count).unwrap_or(&self.queries))
    }
}

/// Measures all cases once per round. So if other processes load the machine for a minute, the cases of both `sql!` and
/// `query!` become slower.
fn measure(packages: &Packages, options: &Options) -> Result<BTreeMap<Case, Run>> {
    let modes = if options.no_build { vec![Mode::Check] } else { vec![Mode::Check, Mode::Build] };
    let mut cases: Vec<Case> = Vec::new();
    for &mode in &modes {
        for &count in [0].iter().chain(&options.queries) {
            cases.extend([Peer::Ours, Peer::Sqlx].map(|peer| (peer, mode, Schema::Small, count)));
        }
    }
    for &count in [0].iter().chain(&options.queries) {
        cases.push((Peer::Ours, Mode::Check, Schema::Large, count));
    }
    for &mode in &modes {
        step("compiling what both depend on", || {
            packages.compile((Peer::Ours, mode, Schema::Small, 0))?;
            packages.compile((Peer::Sqlx, mode, Schema::Small, 0))
        })?;
    }
    let mut least: BTreeMap<Case, Run> = BTreeMap::new();
    for round in 1..=options.rounds {
        step(&format!("round {round} of {}", options.rounds), || {
            for &case in &cases {
                let run = packages.compile(case)?;
                least.entry(case).and_modify(|known| *known = known.least(run)).or_insert(run);
            }
            Ok(())
        })?;
    }
    Ok(least)
}

/// The minimum of every case, and the figures that are computed from these minimums.
struct Results<'b> {
    least: BTreeMap<Case, Run>,
    options: &'b Options,
    figures: &'b Figures,
}

impl Results<'_> {
    fn print(&self) {
        for &count in self.options.queries.iter().filter(|count| **count > 0) {
            self.figures.title(&format!("{count} queries in one crate"));
            let expansion = |run: Run| run.expansion;
            self.beside("macro expansion per query", Mode::Check, count, expansion, Some(1.0), None);
            let user = |run: Run| run.user;
            self.beside("cargo check, user time per query", Mode::Check, count, user, None, Some(0.5));
            if !self.options.no_build {
                self.beside("cargo build, user time per query", Mode::Build, count, user, None, Some(0.5));
            }
            self.memory(count);
        }
        self.large_schema();
    }

    /// Prints the milliseconds that one query adds for each macro, and their ratio.
    fn beside(
        &self,
        what: &str,
        mode: Mode,
        count: usize,
        seconds: impl Fn(Run) -> f64,
        ours_at_most: Option<f64>,
        ratio_at_most: Option<f64>,
    ) {
        let per_query = |peer| {
            let with = self.least.get(&(peer, mode, Schema::Small, count))?;
            let without = self.least.get(&(peer, mode, Schema::Small, 0))?;
            Some((seconds(*with) - seconds(*without)) * 1000.0 / count as f64)
        };
        let (Some(ours), Some(sqlx)) = (per_query(Peer::Ours), per_query(Peer::Sqlx)) else { return };
        let case = |who: &str| format!("{what}, {count} queries, {who}");
        self.figures.figure(&case("dsql-edge"), ours, "ms", ours_at_most);
        self.figures.figure(&case("sqlx offline"), sqlx, "ms", None);
        self.figures.figure(&case("dsql-edge / sqlx"), ours / sqlx, "ratio", ratio_at_most);
    }

    fn memory(&self, count: usize) {
        for (peer, who) in [(Peer::Ours, "dsql-edge"), (Peer::Sqlx, "sqlx offline")] {
            if let Some(run) = self.least.get(&(peer, Mode::Check, Schema::Small, count)) {
                let case = format!("cargo check, peak memory of rustc, {count} queries, {who}");
                self.figures.figure(&case, run.memory_mib, "MiB", None);
            }
        }
    }

    /// Prints the figures of a large schema. The schema is read once, and a query over a large schema should cost as
    /// much as a query over a small schema.
    fn large_schema(&self) {
        let counts = &self.options.queries;
        let (Some(&few), Some(&many)) = (counts.iter().min(), counts.iter().max()) else { return };
        let expansion = |schema, count| {
            self.least
                .get(&(Peer::Ours, Mode::Check, schema, count))
                .map_or(f64::NAN, |run| run.expansion * 1000.0)
        };
        self.figures.title("a schema of 1 MB");
        if many > few {
            for (schema, name) in [(Schema::Small, "small schema"), (Schema::Large, "schema of 1 MB")] {
                let more = (expansion(schema, many) - expansion(schema, few)) / (many - few) as f64;
                let case = format!("macro expansion of one more query ({few} to {many}), {name}");
                self.figures.figure(&case, more, "ms", Some(1.0));
            }
        }
        let once = expansion(Schema::Large, few) - expansion(Schema::Small, few);
        self.figures.figure("reading the schema of 1 MB, once per crate", once, "ms", None);
    }
}
