//! Describes the source of a schema in hints, and the next step if an object is missing in this schema.

/// The source of a schema: a snapshot, a folder of migrations, or a database. A hint about a missing object mentions
/// this source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A snapshot, which `dsql-edge pull` writes.
    #[default]
    Snapshot,
    /// A folder of migrations.
    Migrations,
    /// A database whose schema was just read.
    Database,
}

impl Origin {
    /// Returns the source as it is used in a sentence, such as "the snapshot".
    pub fn name(self) -> &'static str {
        match self {
            Origin::Snapshot => "the snapshot",
            Origin::Migrations => "the folder of migrations",
            Origin::Database => "the database",
        }
    }

    /// Returns the next step if the object is new.
    pub fn if_new(self) -> &'static str {
        match self {
            Origin::Snapshot => "if it is new, run `dsql-edge pull`",
            Origin::Migrations => "if it is new, add the migration that creates it",
            Origin::Database => "if it is new, create it in the database",
        }
    }

    /// Whether a hint advises how to add the missing object to a schema of this source.
    pub fn is_next_step(self, hint: &str) -> bool {
        hint.contains(match self {
            Origin::Snapshot => "`dsql-edge pull`",
            Origin::Migrations => " migration",
            Origin::Database => "the database",
        })
    }

    /// Returns the question for the user if the schema contains no tables.
    pub(crate) fn without_tables(self) -> &'static str {
        match self {
            Origin::Snapshot => "the snapshot has no tables; is it the right file?",
            Origin::Migrations => "the folder of migrations creates no tables; is it the right folder?",
            Origin::Database => "the database has no tables; is it the right one?",
        }
    }

    /// Returns the next step if an object is missing; `what` is the object or its CREATE statement.
    pub(crate) fn add(self, what: &str) -> String {
        match self {
            Origin::Snapshot => format!("add {what} to the snapshot, or run `dsql-edge pull`"),
            Origin::Migrations => format!("add {what} to a migration"),
            Origin::Database => format!("run {what} in the database"),
        }
    }
}
