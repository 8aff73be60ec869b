//! Builds dsql-edge with combinations of its features, natively and for Workers, without a warning.
//!
//! 13 features have 8,192 combinations. A build of one combination takes about three seconds of a processor, so all of
//! them would take hours. These combinations are built, 433 for both targets:
//!
//! - every combination of the features in `DEPENDENT`. The code of these features depends on each other: two of these
//!   features occur in one `cfg` condition, or one feature decides whether an item of the other feature is used;
//! - each feature in `OTHERS` is on in half of these combinations: it is on if the combination has an odd number of the
//!   dependent features in its mask. The masks are chosen so that for any five features except `test`, each of their 32
//!   settings occurs in some native combination. For Workers, each of the 16 settings of any four features occurs in
//!   some combination. So a native mistake is found if at most five features cause it (four if one of them is `test`),
//!   and a mistake for Workers if at most four features cause it;
//! - no feature, each feature alone, all features except one, and all features. A feature that uses an item of another
//!   feature fails to build in one of these combinations.
//!
//! A mistake that needs more features than these numbers, one of them from `OTHERS`, may not be found.

use std::collections::BTreeSet;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use xtask::{project, setup};

use super::members::named;

/// Features whose code depends on each other. Every combination of the features in this list is built.
const DEPENDENT: [&str; 8] =
    ["assume-role", "aws-sigv4", "direct-tls", "multi-region", "pool", "postgres", "tokio", "websocket"];

/// The other features, each with a mask that selects features in `DEPENDENT` (bit 0 is the first feature). The feature
/// is on if an odd number of the features in its mask is on.
const OTHERS: [(&str, usize); 4] = [
    ("dynamic", 0b0001_1111),
    ("postgres-types", 0b0110_0111),
    ("serde", 0b1010_1011),
    ("tracing", 0b1101_0101),
];

/// The feature `test` implies these features. In a combination with both features, `test` is on if an odd number of the
/// features that the mask `TEST` selects is on.
const IMPLIED_BY_TEST: [&str; 2] = ["tokio", "postgres"];
const TEST: usize = 0b0000_1101;

/// Features that a Worker cannot use, because they open connections through the operating system.
const NATIVE: [&str; 2] = ["tokio", "test"];

type Combination<'a> = BTreeSet<&'a str>;

/// The target for which a combination is built.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Native,
    Workers,
}

impl Target {
    fn has(self, feature: &str) -> bool {
        self == Target::Native || !NATIVE.contains(&feature)
    }

    /// The name of the target folder, so that both targets are built at the same time.
    fn name(self) -> &'static str {
        match self {
            Target::Native => "native",
            Target::Workers => "workers",
        }
    }
}

pub(super) fn check() -> Result<String> {
    setup::wasm_target()?;
    let features = named("dsql-edge")?.features;
    let known: Combination = all(Target::Native).collect();
    let declared: Combination =
        features.keys().map(String::as_str).filter(|name| *name != "default").collect();
    ensure!(
        known == declared,
        "the features of dsql-edge are {declared:?}; release/features.rs has {known:?}"
    );
    let (native, workers) = thread::scope(|scope| {
        let workers = scope.spawn(|| failures(Target::Workers));
        (failures(Target::Native), workers.join())
    });
    let (native, workers) = (native?, workers.map_err(|_| anyhow::anyhow!("a build panicked"))??);
    let failed: Vec<String> = [native.1, workers.1].concat();
    if !failed.is_empty() {
        bail!("{} combinations do not build without a warning: {}", failed.len(), failed.join("; "));
    }
    Ok(format!("{} features: {} combinations natively, {} for Workers", declared.len(), native.0, workers.0))
}

/// All features that a target has.
fn all(target: Target) -> impl Iterator<Item = &'static str> {
    let others = OTHERS.iter().map(|(name, _)| *name);
    let every = DEPENDENT.iter().copied().chain(others).chain(["test"]);
    every.filter(move |feature| target.has(feature))
}

/// The combinations that are built, in a fixed order.
fn combinations(target: Target) -> BTreeSet<Combination<'static>> {
    let mut out = BTreeSet::from([Combination::new(), all(target).collect()]);
    for feature in all(target) {
        out.insert(all(target).filter(|other| *other != feature).collect());
        out.insert(Combination::from([feature]));
    }
    for bits in 0..1 << DEPENDENT.len() {
        let dependent = DEPENDENT.iter().enumerate().filter(|(at, _)| bits & 1 << at != 0);
        let is_odd = |mask: usize| (bits & mask).count_ones() % 2 == 1;
        let others = OTHERS.iter().filter(|(_, mask)| is_odd(*mask));
        let mut combination: Combination =
            dependent.map(|(_, name)| *name).chain(others.map(|(name, _)| *name)).collect();
        if !combination.iter().all(|feature| target.has(feature)) {
            continue;
        }
        if is_odd(TEST) && IMPLIED_BY_TEST.iter().all(|feature| combination.contains(feature)) {
            combination.insert("test");
        }
        out.insert(combination);
    }
    out
}

/// Builds all combinations for a target. Returns the number of combinations, and the combinations that do not build.
fn failures(target: Target) -> Result<(usize, Vec<String>)> {
    let combinations = combinations(target);
    let mut failed = Vec::new();
    for (at, combination) in combinations.iter().enumerate() {
        if at % 50 == 0 {
            eprintln!("   {}: {at} of {} combinations", target.name(), combinations.len());
        }
        let features = combination.iter().copied().collect::<Vec<_>>().join(",");
        if !builds(&features, target)? {
            failed.push(format!("{features} ({})", target.name()));
        }
    }
    Ok((combinations.len(), failed))
}

/// Checks the crate itself with `-D warnings`; the dependencies are built once for each set of their features.
fn builds(features: &str, target: Target) -> Result<bool> {
    let mut cargo = project::cargo();
    cargo.args(["rustc", "--quiet", "--locked", "-p", "dsql-edge", "--lib", "--profile", "check"]);
    cargo.args(["--no-default-features", "--features", features]);
    if target == Target::Workers {
        cargo.args(["--target", setup::WASM_TARGET]);
    }
    let folder = project::target().join("release-check/features").join(target.name());
    // No combination is built twice, so files for a later build would only take space.
    cargo.env("CARGO_TARGET_DIR", folder).env("CARGO_INCREMENTAL", "0");
    let output = cargo.args(["--", "-D", "warnings"]).output().context("cargo cannot be started")?;
    if !output.status.success() {
        eprintln!("{features} ({}):\n{}", target.name(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of different settings of these features in the combinations.
    fn settings(combinations: &BTreeSet<Combination<'static>>, features: &[&str]) -> usize {
        let setting = |it: &Combination| features.iter().map(|name| it.contains(name)).collect::<Vec<_>>();
        combinations.iter().map(setting).collect::<BTreeSet<_>>().len()
    }

    /// Returns every combination of `size` of these features.
    fn choices(features: &[&'static str], size: usize) -> Vec<Vec<&'static str>> {
        let Some((first, rest)) = features.split_first().filter(|_| size > 0) else {
            return if size == 0 { vec![Vec::new()] } else { Vec::new() };
        };
        let mut with = choices(rest, size - 1);
        with.iter_mut().for_each(|choice| choice.push(first));
        with.extend(choices(rest, size));
        with
    }

    #[test]
    fn dependent_features_have_every_combination() {
        assert_eq!(settings(&combinations(Target::Native), &DEPENDENT), 256);
        assert_eq!(settings(&combinations(Target::Workers), &DEPENDENT), 128);
    }

    #[test]
    fn any_few_features_have_every_setting() {
        for (target, size) in [(Target::Native, 5), (Target::Workers, 4)] {
            let combinations = combinations(target);
            let features: Vec<&str> = all(target).filter(|name| *name != "test").collect();
            for choice in choices(&features, size) {
                assert_eq!(settings(&combinations, &choice), 1 << size, "{choice:?}");
            }
        }
    }

    #[test]
    fn feature_test_is_combined_with_any_setting_of_two_others() {
        let mut combinations = combinations(Target::Native);
        combinations.retain(|combination| IMPLIED_BY_TEST.iter().all(|name| combination.contains(name)));
        let others: Vec<&str> = all(Target::Native).filter(|name| !IMPLIED_BY_TEST.contains(name)).collect();
        for choice in choices(&others, 3).into_iter().filter(|choice| choice.contains(&"test")) {
            assert_eq!(settings(&combinations, &choice), 8, "{choice:?}");
        }
    }
}
