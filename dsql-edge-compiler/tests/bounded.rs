//! Tests that no input hangs the compiler: for generated inputs of any depth and width, the compiler returns a result,
//! or an error that contains the limit. `BOUNDED_SEED=7` sets the seed; `BOUNDED_ROUNDS=1000` tries a thousand inputs
//! and prints the twelve slowest.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use dsql_edge_compiler::{Schema, Source, compile};

/// The stack size of a thread in a pool.
const STACK: usize = 2 << 20;

/// The time after which an input counts as hanging; any input needs much less, even in a debug build on a busy machine.
const HANG: Duration = Duration::from_secs(60);

/// Pseudo-random numbers, the same in each run with the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

/// A schema, and a query that uses the schema.
type Input = (String, String);

/// Generates an input of a given size.
type Shape = fn(&mut Numbers, usize) -> Input;

const SHAPES: [(&str, Shape); 13] = [
    ("joins", joins),
    ("joins with USING", using),
    ("outer joins that conditions reduce", reduced),
    ("views over views", views),
    ("queries of WITH", with),
    ("recursive queries", recursive),
    ("subqueries in FROM", subqueries),
    ("subqueries in expressions", sublinks),
    ("set operations", set_operations),
    ("nested expressions", expressions),
    ("operators", operators),
    ("wide lists", wide),
    ("unique keys", keys),
];

const TABLE: &str = "-- dsql-edge: dialect postgres
CREATE TABLE t (a int PRIMARY KEY, b int, c bool, d int[]);";

/// Nests SQL to a given depth: at each level, the SQL of the previous level replaces the first `@`.
fn nested(depth: usize, first: &str, text: impl Fn(usize) -> String) -> String {
    // Only the first `@` is replaced; otherwise the SQL could double in length at each level.
    (0..depth).fold(first.to_owned(), |inner, at| text(at).replacen('@', &inner, 1))
}

fn joins(numbers: &mut Numbers, size: usize) -> Input {
    let kinds = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"];
    let only = numbers.below(2 * kinds.len());
    let mut sql = format!("SELECT {} FROM t t0", numbers.one(&["t0.a", "*"]));
    for at in 1..2 + size {
        let kind = kinds.get(only).copied().unwrap_or_else(|| numbers.one(&kinds));
        let other = if numbers.below(2) == 0 { at - 1 } else { numbers.below(at) };
        let on = if kind == "CROSS JOIN" { String::new() } else { format!(" ON t{at}.a = t{other}.b") };
        sql += &format!(" {kind} t t{at}{on}");
    }
    (TABLE.to_owned(), sql)
}

fn using(numbers: &mut Numbers, size: usize) -> Input {
    let kind = numbers.one(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
    let (natural, using) = if numbers.below(2) == 0 { ("NATURAL ", "") } else { ("", " USING (a)") };
    let joins: String = (0..1 + size / 4).map(|at| format!(" {natural}{kind} t t{at}{using}")).collect();
    ("CREATE TABLE t (a int);".to_owned(), format!("SELECT a FROM t{joins}"))
}

fn reduced(numbers: &mut Numbers, size: usize) -> Input {
    let joins: String =
        (1..2 + size).map(|at| format!(" LEFT JOIN t t{at} ON t{at}.a = t{}.b", at - 1)).collect();
    let last = if numbers.below(2) == 0 { 1 + size } else { numbers.below(1 + size) };
    (TABLE.to_owned(), format!("SELECT t0.b FROM t t0{joins} WHERE t{last}.c"))
}

fn views(numbers: &mut Numbers, size: usize) -> Input {
    let query = numbers.one(&[
        "SELECT x.a, x.d FROM @ x",
        "SELECT x.a, y.d FROM @ x JOIN @ y ON x.a = y.a",
        "SELECT coalesce(x.a, y.a) AS a, coalesce(y.d, x.d) AS d FROM @ x FULL JOIN @ y ON x.a = y.a",
        "SELECT a, d FROM @ UNION ALL SELECT a, d FROM @",
        "SELECT (SELECT max(a) FROM @) AS a, d FROM @",
        "SELECT x.a, y.d FROM @ x, @ y",
        "SELECT x.a, y.d FROM @ x LEFT JOIN LATERAL (SELECT d FROM @ z WHERE z.a = x.a LIMIT 1) y ON true",
        "SELECT a, coalesce(d, d) AS d FROM @ WHERE EXISTS (SELECT FROM @)",
    ]);
    let views = (1..2 + size / 4).map(|at| {
        let below = format!("v{}", at - 1);
        format!("CREATE VIEW v{at} AS {};", query.replace('@', &below))
    });
    let views: String = views.collect();
    let last = 1 + size / 4;
    (format!("{TABLE}CREATE VIEW v0 AS SELECT a, d FROM t;{views}"), format!("SELECT a, d FROM v{last}"))
}

fn with(numbers: &mut Numbers, size: usize) -> Input {
    let query = numbers.one(&[
        "SELECT a, d FROM @",
        "SELECT x.a, coalesce(y.d, y.d) AS d FROM @ x, @ y",
        "SELECT a, d FROM @ UNION SELECT a, d FROM @",
        "SELECT (SELECT max(a) FROM @) AS a, array[x.a] AS d FROM @ x",
    ]);
    let materialized = numbers.one(&["", "MATERIALIZED ", "NOT MATERIALIZED "]);
    let more = (1..2 + size).map(|at| {
        let below = format!("c{}", at - 1);
        format!(", c{at} AS {materialized}({})", query.replace('@', &below))
    });
    let more: String = more.collect();
    let last = 1 + size;
    (TABLE.to_owned(), format!("WITH c0 AS (SELECT a, d FROM t){more} SELECT a, d FROM c{last}"))
}

fn recursive(numbers: &mut Numbers, size: usize) -> Input {
    let depth = 1 + size % 12;
    let step = numbers.one(&[
        "SELECT b, a FROM r@",
        "SELECT x.b, y.a FROM r@ x, (SELECT a FROM t) y",
        "(WITH c AS (SELECT a, b FROM r@) SELECT x.b, y.a FROM c x, c y LIMIT 9)",
    ]);
    let query = (0..depth).fold("SELECT 1, 2".to_owned(), |inner, at| {
        let step = step.replace('@', &at.to_string());
        format!("WITH RECURSIVE r{at} (a, b) AS (({inner}) UNION ALL {step}) SELECT a, b FROM r{at}")
    });
    (TABLE.to_owned(), query)
}

fn subqueries(numbers: &mut Numbers, size: usize) -> Input {
    let query = numbers.one(&[
        "SELECT a, d FROM (@) x",
        "SELECT a, coalesce(d, d, d) AS d FROM (@) x",
        "SELECT a + a AS a, CASE WHEN a > 1 THEN d ELSE d END AS d FROM (@) x WHERE a = a",
        "SELECT x.a, x.d FROM t LEFT JOIN (@) x ON x.a = t.a",
        "SELECT a, d FROM (@) x UNION ALL SELECT a, d FROM t",
    ]);
    (TABLE.to_owned(), nested(1 + size / 8, "SELECT a, d FROM t", |_| query.to_owned()))
}

fn sublinks(numbers: &mut Numbers, size: usize) -> Input {
    let query = numbers.one(&[
        "(SELECT @ FROM t LIMIT 1)",
        "(SELECT max(@) FROM t GROUP BY ROLLUP (a) LIMIT 1)",
        "coalesce((SELECT @), (SELECT b FROM t LIMIT 1))",
        "(SELECT @ WHERE EXISTS (SELECT a FROM t GROUP BY a HAVING count(*) > 1))",
    ]);
    let value = nested(1 + size / 16, "1", |_| query.to_owned());
    (TABLE.to_owned(), format!("SELECT {value} AS a"))
}

fn set_operations(numbers: &mut Numbers, size: usize) -> Input {
    let operators = ["UNION ALL", "UNION", "EXCEPT", "INTERSECT"];
    let mut sql = "SELECT a, d FROM t".to_owned();
    for _ in 0..1 + size {
        let query = numbers.one(&["SELECT a, d FROM t", "SELECT 1, NULL::int[]", "VALUES (1, array[1])"]);
        sql += &format!(" {} {query}", numbers.one(&operators));
    }
    (TABLE.to_owned(), sql)
}

/// PostgreSQL reads `++` as two operators, because a longer operator of only `+` and `-` cannot exist.
fn operators(numbers: &mut Numbers, size: usize) -> Input {
    let only = numbers.below(2);
    let signs: String = (0..size * 40)
        .map(|_| match only {
            0 => "+",
            _ => numbers.one(&["+", "+", "- ", "--\n", "/**/"]),
        })
        .collect();
    (TABLE.to_owned(), format!("SELECT 1 {signs} 1 AS a"))
}

fn expressions(numbers: &mut Numbers, size: usize) -> Input {
    let forms = [
        "(@ BETWEEN SYMMETRIC c AND true)",
        "(@ BETWEEN c AND true)",
        "(@ IN (c, c, true))",
        "(@ IN (c, NOT c, c = c))",
        "(CASE @ WHEN c THEN true WHEN false THEN c WHEN true THEN false END)",
        "nullif(@, c)",
        "(@ IS DISTINCT FROM c)",
        "(@ = ANY (array[c]))",
        "coalesce(@, c)",
        "greatest(@, c)",
        "(NOT @)",
        "((@, c) = (c, true))",
        "((@, c) IN ((c, true), (true, c), (c, c)))",
        "((@, c) BETWEEN (c, true) AND (true, c))",
        "(CASE WHEN @ THEN c ELSE true END)",
        "(@::text::bool)",
        "(array[@])[1]",
        "(ROW(@) IS NULL)",
    ];
    let only = numbers.below(2 * forms.len());
    let depth = 1 + size / 8;
    let mut value = "c".to_owned();
    for _ in 0..depth {
        let form = forms.get(only).copied().unwrap_or_else(|| numbers.one(&forms));
        value = form.replacen('@', &value, 1);
    }
    (TABLE.to_owned(), format!("SELECT {value} AS c FROM t WHERE {value}"))
}

fn wide(numbers: &mut Numbers, size: usize) -> Input {
    let count = 1 + 10 * size;
    let list = |text: &dyn Fn(usize) -> String, between: &str| {
        (1..=count).map(text).collect::<Vec<_>>().join(between)
    };
    let sql = match numbers.below(13) {
        0 => format!("SELECT {} FROM t", list(&|at| format!("a + {at} AS c{at}"), ", ")),
        1 => format!("SELECT {} FROM t", list(&|_| "*".to_owned(), ", ")),
        2 => format!("SELECT a FROM t WHERE a IN ({})", list(&|at| format!("${at}"), ", ")),
        3 => format!("SELECT a FROM t WHERE {}", list(&|at| format!("a <> {at}"), " AND ")),
        4 => format!("SELECT a FROM t WHERE {}", list(&|at| format!("b = {at}"), " OR ")),
        5 => format!("INSERT INTO t (a, b) VALUES {}", list(&|at| format!("({at}, ${at})"), ", ")),
        6 => format!("SELECT coalesce({}) AS a FROM t", list(&|_| "b".to_owned(), ", ")),
        7 => format!("SELECT {} FROM t", list(&|at| format!("q{at}"), ", ")),
        8 => {
            let arms = list(&|at| format!("WHEN b = {at} OR b IS NULL THEN a + {at}"), " ");
            format!("SELECT CASE {arms} ELSE 0 END AS a FROM t")
        }
        9 => {
            let arms = list(&|at| format!("WHEN (d[{at}]) IS NULL THEN a"), " ");
            format!("SELECT CASE {arms} ELSE d[1] END AS a FROM t")
        }
        10 => {
            let keys = list(&|at| format!("a + {at}"), ", ");
            format!(
                "SELECT a + 1 AS a FROM t GROUP BY {keys} HAVING {}",
                list(&|at| format!("a + {at} > 0"), " AND ")
            )
        }
        11 => {
            format!("SELECT DISTINCT ON ({0}) a FROM t ORDER BY {0}", list(&|at| format!("b + {at}"), ", "))
        }
        _ => format!("SELECT a, count(*) FROM t GROUP BY {}", list(&|at| format!("a, b + {at}"), ", ")),
    };
    (TABLE.to_owned(), sql)
}

fn keys(numbers: &mut Numbers, size: usize) -> Input {
    let mut order: Vec<usize> = (0..2 + size).collect();
    for at in 1..order.len() {
        order.swap(at, numbers.below(at + 1));
    }
    let tables: Vec<String> = order.iter().map(|at| format!("t t{at}")).collect();
    let conditions: Vec<String> = (1..2 + size).map(|at| format!("t{at}.a = t{}.b", at - 1)).collect();
    let conditions = conditions.join(" AND ");
    (TABLE.to_owned(), format!("SELECT t0.b FROM {} WHERE t0.a = 1 AND {conditions}", tables.join(", ")))
}

/// Compiles an input; returns the code of the first error if the input does not compile.
fn answer((schema, sql): Input) -> Result<(), String> {
    let schema = Schema::parse(&schema).map_err(|errors| {
        errors.first().map(|error| error.diagnostic.code.name()).unwrap_or("none").to_owned()
    })?;
    match compile(&Source::numbered(sql), &schema) {
        Ok(_) => Ok(()),
        Err(errors) => Err(errors.iter().map(|it| it.code.name()).next().unwrap_or("none").to_owned()),
    }
}

#[test]
fn generated_input_is_answered_or_too_complex() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap());
    let mut numbers = Numbers(number("BOUNDED_SEED", 1));
    let rounds = number("BOUNDED_ROUNDS", 120);
    let mut slowest: Vec<(Duration, String)> = Vec::new();
    for round in 0..rounds {
        let (name, shape) = SHAPES[usize::try_from(round).unwrap() % SHAPES.len()];
        // Most inputs are small; the limits are between a few hundred and a few thousand.
        let size = [8, 40, 200, 600][numbers.below(4)];
        let size = numbers.below(size);
        let input = shape(&mut numbers, size);
        let shown: String = input.1.chars().take(100).collect();
        let (done, finished) = mpsc::channel();
        let start = Instant::now();
        let work = move || done.send(answer(input));
        thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
        let answer = finished.recv_timeout(HANG);
        let answer = answer.unwrap_or_else(|error| panic!("{name}, size {size}: {error}: {shown}…"));
        slowest.push((start.elapsed(), format!("{name}, size {size}: {answer:?}: {shown}…")));
        // For a wide list, errors are expected: all names in the list are unknown, and the compiler reports each of
        // them.
        let expected = match &answer {
            Ok(()) => true,
            Err(code) => {
                code == "too-complex"
                    || code == "too-many-columns"
                    || (code == "unknown-column" && shown.contains("q1"))
            }
        };
        assert!(expected, "{name}, size {size}: {answer:?}: {shown}…");
    }
    slowest.sort();
    if std::env::var_os("BOUNDED_ROUNDS").is_some() {
        slowest.iter().rev().take(12).for_each(|(time, shown)| println!("{time:?} {shown}"));
    }
}
