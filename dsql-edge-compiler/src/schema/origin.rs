//! Names the source of a schema in hints, and the next step if an object is missing there.

/// The source of a schema: a hint about a missing object names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A snapshot, which `dsql-edge pull` writes.
    #[default]
    Snapshot,
    /// A folder of migrations.
    Migrations,
    /// A database, whose schema was read a moment ago.
    Database,
}

impl Origin {
    /// The source, as the subject or the object of a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Snapshot => "the snapshot",
            Origin::Migrations => "the folder of migrations",
            Origin::Database => "the database",
        }
    }

    /// The next step if an object is new.
    pub fn if_new(self) -> &'static str {
        match self {
            Origin::Snapshot => "if it is new, run `dsql-edge pull`",
            Origin::Migrations => "if it is new, add the migration that creates it",
            Origin::Database => "if it is new, create it in the database",
        }
    }

    /// Whether a hint is the next step for an object that is missing in a schema of this source.
    pub fn is_next_step(self, hint: &str) -> bool {
        hint.contains(match self {
            Origin::Snapshot => "`dsql-edge pull`",
            Origin::Migrations => " migration",
            Origin::Database => "the database",
        })
    }

    /// The question if the schema has no tables.
    pub(crate) fn without_tables(self) -> &'static str {
        match self {
            Origin::Snapshot => "the snapshot has no tables; is it the right file?",
            Origin::Migrations => "the folder of migrations creates no tables; is it the right folder?",
            Origin::Database => "the database has no tables; is it the right one?",
        }
    }

    /// The next step if an object is missing; `what` is the object or its CREATE statement.
    pub(crate) fn add(self, what: &str) -> String {
        match self {
            Origin::Snapshot => format!("add {what} to the snapshot, or run `dsql-edge pull`"),
            Origin::Migrations => format!("add {what} to a migration"),
            Origin::Database => format!("run {what} in the database"),
        }
    }
}
