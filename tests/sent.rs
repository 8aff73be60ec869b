//! Tests that the SQL that is sent means the same as the SQL that was written. The compiler rewrites some queries: it
//! replaces `*` by columns, sends combinations of optional text, and sends one statement for many rows. PostgreSQL 16
//! prepares each rewritten text, and must describe the same parameters and columns as for the original text.
//!
//! The test takes the queries of `tests/cases` and, if `DSQL_EDGE_CORPUS` contains the path of the corpora, the queries
//! of the corpora (`cargo xtask corpus sent`). Where possible, the test also uses each query as a subquery of queries
//! that contain `*`. A query without parameters is also used as a subquery of queries that contain optional text.
//! `SENT=name` selects the schemas whose name contains `name`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dsql_edge_compiler::{Schema, Source, TypedQuery, compile};
use dsql_edge_tests::case_file::CaseFile;
use dsql_edge_tests::check::case_files;
use dsql_edge_tests::numbered::Numbered;
use dsql_edge_tests::oracle::{Database, Oracle, Verdict};
use serde_json::Value;
use tokio_postgres::types::Type;

/// Queries over one schema.
struct Group {
    name: String,
    schema: String,
    queries: Vec<Source>,
}

/// The numbers of compared queries, and the failed comparisons.
#[derive(Default)]
struct Compared {
    queries: usize,
    /// The number of queries that PostgreSQL and the compiler describe differently.
    left_out: usize,
    stars: usize,
    combinations: usize,
    many_rows: usize,
    /// The number of schemas that PostgreSQL rejects.
    without_database: usize,
    failures: Vec<String>,
}

#[test]
fn rewritten_text_is_described_as_the_original() {
    let oracle = Oracle::start().unwrap();
    let only = std::env::var("SENT").unwrap_or_default();
    let mut compared = Compared::default();
    let mut groups = of_cases();
    if let Some(corpus) = std::env::var_os("DSQL_EDGE_CORPUS") {
        groups.extend(of_corpora(Path::new(&corpus)));
    }
    for group in groups.iter().filter(|group| group.name.contains(&only)) {
        compare(group, &oracle, &mut compared);
    }
    let Compared { queries, left_out, stars, combinations, many_rows, without_database, failures } = compared;
    println!(
        "{} schemas ({without_database} not taken by PostgreSQL), {queries} queries, {left_out} of them left out; texts \
         compared: {stars} with stars, {combinations} combinations of optional text, {many_rows} for many rows",
        groups.len()
    );
    // If the server did not find the tables, every query would be left out.
    assert!(!only.is_empty() || left_out * 20 < queries, "{left_out} of {queries} queries are left out");
    assert!(stars > 0 && combinations > 0 && many_rows > 0 || !only.is_empty(), "nothing was compared");
    assert!(failures.is_empty(), "{} texts differ\n\n{}", failures.len(), failures.join("\n\n"));
}

fn of_cases() -> Vec<Group> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut groups = Vec::new();
    for path in case_files(&folder).unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        let file = CaseFile::parse(&text).unwrap();
        let mut schemas: BTreeMap<String, Vec<Source>> = BTreeMap::new();
        for case in file.cases().filter(|case| case.ddl.is_none()) {
            schemas.entry(case.schema.clone()).or_default().push(Source::of_macro(&case.query));
        }
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        groups.extend(schemas.into_iter().map(|(schema, queries)| Group {
            name: name.clone(),
            schema,
            queries,
        }));
    }
    groups
}

fn of_corpora(folder: &Path) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut projects: Vec<PathBuf> =
        fs::read_dir(folder.join("queries")).unwrap().map(|entry| entry.unwrap().path()).collect();
    projects.sort();
    for project in projects {
        let Ok(schema) = fs::read_to_string(project.join("schema.sql")) else { continue };
        let queries = lines(&project.join("queries.jsonl")).into_iter();
        let queries = queries.map(|line| query_of(&line)).collect();
        let schema = format!("-- dsql-edge: dialect postgres\n{schema}");
        groups.push(Group { name: project.display().to_string(), schema, queries });
    }
    let path = folder.join("field/kinds.jsonl");
    for (number, line) in (1..).zip(lines(&path)) {
        let schema = line["schema"].as_str().unwrap_or_default();
        let schema = format!("-- dsql-edge: dialect postgres\n{schema}");
        let name = format!("{}, line {number}", path.display());
        groups.push(Group { name, schema, queries: vec![query_of(&line)] });
    }
    groups
}

fn query_of(line: &Value) -> Source {
    Source::numbered(line["sql"].as_str().unwrap())
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn compare(group: &Group, oracle: &Oracle, compared: &mut Compared) {
    // A schema that the compiler cannot read is left out, because other tests check such schemas.
    let Ok(schema) = Schema::parse(&group.schema) else { return };
    // Dumps contain psql commands.
    let mut ddl: String = group.schema.split_inclusive('\n').filter(|line| !line.starts_with('\\')).collect();
    // A dump ends with an empty search_path, with which PostgreSQL would find none of the tables.
    if ddl.contains("set_config('search_path', '', false)") {
        ddl += "\nRESET search_path;";
    }
    let database = match oracle.database(&ddl) {
        Ok(database) => database,
        Err(error) => {
            compared.without_database += 1;
            println!("{}: PostgreSQL rejects the schema: {error:#}", group.name);
            return;
        }
    };
    for source in &group.queries {
        compared.queries += 1;
        let Ok(query) = compile(source, &schema) else { continue };
        // If PostgreSQL's description of the original query differs from the compiler's, the query is left out:
        // `tests/cases` tests such differences.
        let written = database.describe(&Numbered::of(source).text).unwrap();
        if query.combinations.is_empty() && written != described(&query) {
            compared.left_out += 1;
            continue;
        }
        let mut check = Check { schema: &schema, database: &database, group: &group.name, compared };
        check.texts(source, &query);
        check.in_stars(source, &query);
        check.with_optional_text(source, &query);
    }
}

/// The comparisons of one query.
struct Check<'c> {
    schema: &'c Schema,
    database: &'c Database<'c>,
    group: &'c str,
    compared: &'c mut Compared,
}

impl Check<'_> {
    /// Compares the different SQL strings that may be sent for a query.
    fn texts(&mut self, source: &Source, query: &TypedQuery) {
        let written = Numbered::of(source).text;
        if query.combinations.is_empty() && query.sql != written {
            self.compared.stars += 1;
            let verdict = self.database.describe(&written).unwrap();
            self.expect(source, &query.sql, &[], &verdict);
        }
        for combination in &query.combinations {
            self.compared.combinations += 1;
            let parameters = combination.parameters.iter().map(|at| query.parameters[*at].clone());
            let expected = described(&TypedQuery { parameters: parameters.collect(), ..query.clone() });
            self.expect(source, &combination.sql, &[], &expected);
        }
        if let Some(unnest) = &query.unnest {
            self.compared.many_rows += 1;
            // The arrays are sent with their types.
            let types: Vec<Type> =
                unnest.types.iter().map(|(_, array)| Type::from_oid(*array).unwrap()).collect();
            let params = types.iter().map(|it| it.name().to_owned()).collect();
            self.expect(source, &unnest.sql, &types, &Verdict::Accepted { params, columns: Vec::new() });
        }
    }

    /// Puts a query with columns into the FROM of queries with `*`, and compares the sent SQL of those queries.
    fn in_stars(&mut self, source: &Source, query: &TypedQuery) {
        let Some(inner) = plain_query(source, query) else { return };
        for around in [
            "SELECT * FROM (@) AS one",
            "SELECT \"Two\".*, * FROM (@) AS \"Two\"",
            "SELECT * FROM (@) AS one, (SELECT 1 AS other) AS two",
            "SELECT *, one.* FROM (@) AS one NATURAL JOIN (SELECT 1 AS \"user\") AS two",
            "WITH one AS (@) TABLE one",
            "WITH one AS (@) SELECT two.*, (SELECT count(*) FROM (SELECT * FROM one) AS three) FROM one AS two",
        ] {
            let source = Source::numbered(around.replace('@', inner));
            if let Ok(query) = compile(&source, self.schema) {
                self.texts(&source, &query);
            }
        }
    }

    /// Puts a query with columns and without parameters into queries with optional text, and compares those queries.
    fn with_optional_text(&mut self, source: &Source, query: &TypedQuery) {
        let Some(inner) = plain_query(source, query).filter(|_| query.parameters.is_empty()) else { return };
        for around in [
            "SELECT * FROM (@) AS one WHERE true {? AND $is_wanted::bool }{? AND $count::int > 1 }",
            "SELECT one.* FROM (@) AS one {? CROSS JOIN (SELECT $x::int8 AS extra) AS two } WHERE $y::text <> ''",
        ] {
            let source = Source::of_macro(around.replace('@', inner));
            if let Ok(query) = compile(&source, self.schema) {
                self.texts(&source, &query);
            }
        }
    }

    fn expect(&mut self, source: &Source, sent: &str, types: &[Type], expected: &Verdict) {
        let verdict = self.database.describe_typed(sent, types).unwrap();
        if verdict != *expected {
            self.compared.failures.push(format!(
                "{}\nwritten: {}\nsent: {sent}\nPostgreSQL: {verdict:?}\nexpected: {expected:?}",
                self.group, source.text
            ));
        }
    }
}

/// The compiler's answer to a query.
fn described(query: &TypedQuery) -> Verdict {
    Verdict::Accepted {
        params: query.parameters.iter().map(|it| it.sql_type.name.clone()).collect(),
        columns: query.columns.iter().map(|it| (it.name.clone(), it.sql_type.name.clone())).collect(),
    }
}

/// Returns the text of a query, if the query can be a subquery.
fn plain_query<'s>(source: &'s Source, query: &TypedQuery) -> Option<&'s str> {
    let text = source.text.trim().trim_end_matches(';');
    let begins = |word: &str| text.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    let reads = ["SELECT", "WITH", "VALUES", "TABLE"].into_iter().any(begins);
    let is_plain = reads && query.combinations.is_empty() && !query.columns.is_empty();
    // A comment at the end of the text would hide the closing parenthesis, and PostgreSQL does not accept `$name`.
    let fits = !text.contains("--") && query.parameters.iter().all(|it| it.name.is_none());
    (is_plain && fits && text.len() < 20_000).then_some(text)
}
