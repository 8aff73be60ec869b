//! How a command prints its answer, where people and machines want the same in two forms.

use clap::ValueEnum;

/// For people, or for machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    #[default]
    Human,
    /// One JSON object; fields may be added, `version` grows when one changes its meaning
    Json,
}
