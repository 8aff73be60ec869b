//! The idioms that CONTRIBUTING.md bans.
//!
//! Input: a text. Output: each line that contains an idiom, and that idiom. Upper and lower case are the same, and an
//! idiom begins and ends with a word: `kin` is not found in `kind`.

/// Words for which plain English has better ones, and verbs for actions that machines do not do.
const BANNED: [&str; 37] = [
    "says",
    "say",
    "said",
    "tells",
    "tell",
    "told",
    "hears",
    "hear",
    "heard",
    "knows",
    "believe",
    "believes",
    "stands",
    "stand",
    "stood",
    "lies",
    "anew",
    "mend",
    "mends",
    "mended",
    "kin",
    "so many",
    "let in",
    "whoever",
    "give up",
    "gives up",
    "gave up",
    "given up",
    "make of",
    "makes of",
    "made of",
    "behind our back",
    "catalogue",
    "who does",
    "those who",
    "is no",
    "was no",
];

/// The words that may follow "is no", also in PostgreSQL's own messages.
const FOLLOWS: [&str; 7] = [
    " longer",
    " more",
    " parameter $",
    " such column in data type",
    " unique or exclusion constraint",
    " unique constraint matching",
    " primary key for referenced table",
];

pub(crate) fn find(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.to_lowercase();
        found.extend(BANNED.iter().filter(|idiom| has(&line, idiom)).map(|idiom| (at + 1, *idiom)));
    }
    found
}

fn has(line: &str, idiom: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    line.match_indices(idiom).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + idiom.len()..]);
        let is_plain = idiom.ends_with(" no") && FOLLOWS.iter().any(|word| after.starts_with(word));
        !before.ends_with(is_part) && !after.starts_with(is_part) && !is_plain
    })
}

#[test]
fn idiom_is_found_as_words_only() {
    assert_eq!(find("a kind of host\nis no host, and its KIN"), [(2, "kin"), (2, "is no")]);
    assert_eq!(find("fn untold() {}\nlet told_by = 1;"), []);
    for after in FOLLOWS {
        assert_eq!(find(&format!("there is no{after}")), [], "{after}");
    }
}
