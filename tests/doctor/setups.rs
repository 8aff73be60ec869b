//! The setups, in the order in which they are checked.

/// A setup, and which part of its output is compared with the file `tests/doctor/NAME.txt`.
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    /// The name of the package. The package `linked` contains the folder of the running dsql-local.
    pub(crate) package: &'static str,
    pub(crate) arguments: &'static [&'static str],
    /// `{name}` is replaced by the value that `Site::values` has for this name.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    pub(crate) part: Part,
}

/// The part of the output that is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    /// The lines that follow the checks of the server.
    OfPackage,
    /// The checks of the role, the snapshot and the migrations.
    OfSchema,
}

pub(crate) const KEYS: [(&str, &str); 5] = [
    ("DSQL_ENDPOINT", "localhost:{port}"),
    ("DSQL_REGION", "us-east-1"),
    ("DSQL_EDGE_CA", "{ca}"),
    ("AWS_ACCESS_KEY_ID", "{id}"),
    ("AWS_SECRET_ACCESS_KEY", "{secret}"),
];

pub(crate) const OF_POSTGRES: [&str; 4] =
    ["--postgres-url", "postgres://app@localhost:{postgres port}/postgres", "--ca", "{postgres ca}"];

/// The keys of the role `blog`.
pub(crate) const KEYS_OF_BLOG: [(&str, &str); 5] = [
    KEYS[0],
    KEYS[1],
    KEYS[2],
    ("AWS_ACCESS_KEY_ID", "{blog id}"),
    ("AWS_SECRET_ACCESS_KEY", "{blog secret}"),
];

pub(crate) const MIGRATIONS: [(&str, &str); 2] = [
    ("migrations/0001_task.sql", "CREATE TABLE task (id bigint PRIMARY KEY);\n"),
    ("migrations/0002_app.sql", "CREATE SCHEMA app;\nCREATE TABLE app.note (id bigint PRIMARY KEY);\n"),
];

pub(crate) const SETUPS: [Setup; 46] = [
    Setup {
        name: "migrations_pending",
        package: "folder",
        arguments: &["--endpoint", "localhost:{port}"],
        variables: &KEYS,
        part: Part::OfSchema,
    },
    // The build does not read the folder of migrations, so the package's queries may not need these migrations.
    Setup {
        name: "migrations_beside_a_snapshot",
        package: "beside",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfSchema,
    },
    Setup {
        name: "migrations_of_postgres",
        package: "folder",
        arguments: &OF_POSTGRES,
        variables: &[("PGPASSWORD", "right")],
        part: Part::OfSchema,
    },
    Setup {
        name: "migrations_of_d1",
        package: "copies",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfSchema,
    },
    Setup {
        name: "binding_ignored",
        package: "ignored",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup { name: "binding_read", package: "read", arguments: &[], variables: &KEYS, part: Part::OfPackage },
    Setup {
        name: "binding_misspelt",
        package: "binding_misspelt",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "endpoint_in_vars",
        package: "endpoint_in_vars",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "dead_port",
        package: "dead_port",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "not_built",
        package: "not_built",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "worker_of_another_role",
        package: "other_role",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "probe_without_consent",
        package: "linked",
        arguments: &["--probe"],
        variables: &[],
        part: Part::All,
    },
    Setup {
        name: "probe_without_privilege",
        package: "linked",
        arguments: &["--probe", "--yes", "--user", "blog"],
        variables: &[],
        part: Part::All,
    },
    // The setup `good` runs after the probe, and succeeds only if its snapshot is the schema of the server. So `good`
    // shows that the probe has left nothing.
    Setup {
        name: "probe",
        package: "linked",
        arguments: &["--probe", "--yes", "--report", "../probe.md"],
        variables: &[],
        part: Part::All,
    },
    Setup { name: "good", package: "linked", arguments: &[], variables: &[], part: Part::All },
    Setup {
        name: "good_json",
        package: "linked",
        arguments: &["--format", "json"],
        variables: &[],
        part: Part::All,
    },
    Setup { name: "variables", package: "apart", arguments: &[], variables: &KEYS, part: Part::All },
    Setup {
        name: "wrong_region",
        package: "apart",
        arguments: &["--region", "eu-west-1"],
        variables: &KEYS,
        part: Part::All,
    },
    Setup {
        name: "wrong_key",
        package: "apart",
        arguments: &[],
        variables: &[KEYS[0], KEYS[1], KEYS[2], KEYS[3], ("AWS_SECRET_ACCESS_KEY", "canary")],
        part: Part::All,
    },
    Setup {
        name: "expired_session",
        package: "apart",
        arguments: &[],
        variables: &[
            KEYS[0],
            KEYS[1],
            KEYS[2],
            ("AWS_ACCESS_KEY_ID", "{session id}"),
            ("AWS_SECRET_ACCESS_KEY", "{session secret}"),
            ("AWS_SESSION_TOKEN", "{session token}"),
        ],
        part: Part::All,
    },
    Setup {
        name: "role_not_granted_to_identity",
        package: "linked",
        arguments: &["--user", "reporter"],
        variables: &[],
        part: Part::All,
    },
    Setup {
        name: "role_without_grant",
        package: "linked",
        arguments: &["--user", "blog"],
        variables: &[],
        part: Part::All,
    },
    Setup { name: "stale_snapshot", package: "stale", arguments: &[], variables: &KEYS, part: Part::All },
    Setup {
        name: "untrusted_certificate",
        package: "apart",
        arguments: &[],
        variables: &[KEYS[0], KEYS[1], KEYS[3], KEYS[4]],
        part: Part::All,
    },
    Setup {
        name: "nothing_listening",
        package: "apart",
        arguments: &["--endpoint", "localhost:1"],
        variables: &KEYS,
        part: Part::All,
    },
    Setup {
        name: "postgres",
        package: "bare",
        arguments: &OF_POSTGRES,
        variables: &[("PGPASSWORD", "right")],
        part: Part::All,
    },
    Setup {
        name: "postgres_wrong_password",
        package: "bare",
        arguments: &OF_POSTGRES,
        variables: &[("PGPASSWORD", "canary")],
        part: Part::All,
    },
    Setup {
        name: "no_postgres",
        package: "bare",
        arguments: &["--postgres-url", "postgres://app@localhost:1/shop"],
        variables: &[],
        part: Part::All,
    },
    Setup { name: "no_server", package: "bare", arguments: &[], variables: &[], part: Part::All },
    Setup {
        name: "not_a_cluster",
        package: "bare",
        arguments: &["--endpoint", "db.example.com"],
        variables: &[],
        part: Part::All,
    },
    Setup {
        name: "bare_wrangler",
        package: "bare",
        arguments: &["--endpoint", "localhost:1"],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "secret_in_vars",
        package: "leaky",
        arguments: &["--endpoint", "localhost:1"],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "region_of_another_local",
        package: "linked",
        arguments: &["--region", "eu-west-1"],
        variables: &[],
        part: Part::All,
    },
    Setup {
        name: "no_local_keys",
        package: "apart",
        arguments: &[],
        variables: &[KEYS[0], KEYS[1], KEYS[2]],
        part: Part::All,
    },
    Setup {
        name: "ca_without_certificate",
        package: "apart",
        arguments: &["--ca", "Cargo.toml"],
        variables: &KEYS,
        part: Part::All,
    },
    Setup {
        name: "ca_of_another",
        package: "apart",
        arguments: &["--ca", "{postgres ca}"],
        variables: &KEYS,
        part: Part::All,
    },
    Setup {
        name: "ca_missing",
        package: "apart",
        arguments: &["--ca", "missing.crt"],
        variables: &KEYS,
        part: Part::All,
    },
    Setup {
        name: "endpoint_with_port",
        package: "bare",
        arguments: &["--endpoint", "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws:5433"],
        variables: &[],
        part: Part::All,
    },
    Setup {
        name: "keys_half_set",
        package: "bare",
        arguments: &[],
        variables: &[("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")],
        part: Part::All,
    },
    Setup {
        name: "profile_missing",
        package: "bare",
        arguments: &[],
        variables: &[("AWS_PROFILE", "nope")],
        part: Part::All,
    },
    Setup {
        name: "profile_signed_out",
        package: "bare",
        arguments: &[],
        variables: &[("AWS_PROFILE", "dev")],
        part: Part::All,
    },
    Setup {
        name: "bindings_of_another_local",
        package: "of_another_local",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "bindings_with_other_keys",
        package: "other_keys",
        arguments: &[],
        variables: &[],
        part: Part::OfPackage,
    },
    Setup {
        name: "bindings_of_another_region",
        package: "other_region",
        arguments: &[],
        variables: &[],
        part: Part::OfPackage,
    },
    Setup {
        name: "secret_of_an_environment",
        package: "leaky_environment",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
    Setup {
        name: "password_in_vars",
        package: "leaky_url",
        arguments: &[],
        variables: &KEYS,
        part: Part::OfPackage,
    },
];

/// A probe whose connection breaks after its first statement, CREATE SCHEMA, was applied. The setup `good` runs after
/// this probe, and fails if the probe has not dropped the schema.
pub(crate) const LOST_ANSWER: Setup = Setup {
    name: "probe_lost_answer",
    package: "linked",
    arguments: &["--probe", "--yes"],
    variables: &[],
    part: Part::All,
};

/// The setups that run after `dsql-edge migrate`. Some setups have a file that is written before the setup runs.
pub(crate) const MIGRATED: [(Option<(&str, &str)>, Setup); 6] = [
    (
        None,
        Setup {
            name: "migrations_missing",
            package: "emptied",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
    (
        None,
        Setup {
            name: "migrations_applied",
            package: "folder",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
    (
        None,
        Setup {
            name: "migrations_of_another_role",
            package: "folder",
            arguments: &["--user", "blog"],
            variables: &KEYS_OF_BLOG,
            part: Part::OfSchema,
        },
    ),
    (
        Some(("migrations/0003_more.sql", "CREATE TABLE more (id bigint PRIMARY KEY);\n")),
        Setup {
            name: "migrations_partly_pending",
            package: "folder",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
    (
        Some(("migrations/0003_more.sql", "TRUNCATE more;\n")),
        Setup {
            name: "migrations_rejected",
            package: "folder",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
    (
        Some(("migrations/0001_task.sql", "CREATE TABLE task (id uuid PRIMARY KEY);\n")),
        Setup {
            name: "migrations_changed",
            package: "folder",
            arguments: &[],
            variables: &KEYS,
            part: Part::OfSchema,
        },
    ),
];

/// The setup in which the clock of the server is 20 minutes ahead.
pub(crate) const CLOCK: Setup =
    Setup { name: "clock", package: "linked", arguments: &[], variables: &[], part: Part::All };
