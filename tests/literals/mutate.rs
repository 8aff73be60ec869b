//! Changes values of a type into strings that may or may not be values of the type.

use fastrand::Rng;

/// Characters that have a special meaning in the literals of at least one type.
const CHARACTERS: &str = "0123456789abcdefxztpTZ +-:./,;_'\"\\{}[]()<>$%@#*&|!\t\n\u{b}é";

/// Digits that replace a digit of a value, so that months, hours and octets leave their ranges.
const DIGITS: [&str; 9] = ["0", "9", "13", "24", "31", "32", "60", "99", "256"];

pub(crate) struct Mutator {
    rng: Rng,
    values: Vec<String>,
    words: Vec<String>,
    characters: Vec<char>,
}

impl Mutator {
    pub(crate) fn new(rng: Rng, values: Vec<String>, words: &str) -> Self {
        let words = words.split_whitespace().map(|word| word.replace('~', " ")).collect();
        Self { rng, values, words, characters: CHARACTERS.chars().collect() }
    }

    /// Returns a value of the type or, sometimes, a few words from the type's list. On average, three of four results
    /// contain one to three changes, and one is unchanged.
    pub(crate) fn literal(&mut self) -> String {
        let mut text = if self.rng.u8(..12) == 0 { self.sentence() } else { self.value() };
        for _ in 0..self.rng.u8(..4) {
            text = self.change(&text);
        }
        text
    }

    fn value(&mut self) -> String {
        self.rng.choice(&self.values).unwrap().clone()
    }

    fn word(&mut self) -> String {
        self.rng.choice(&self.words).unwrap().clone()
    }

    fn character(&mut self) -> char {
        *self.rng.choice(&self.characters).unwrap()
    }

    /// One to four words from the type's list, in any order.
    fn sentence(&mut self) -> String {
        let between = self.rng.choice(["", " ", " ", ","]).unwrap();
        let words: Vec<String> = (0..self.rng.usize(1..5)).map(|_| self.word()).collect();
        words.join(between)
    }

    fn change(&mut self, text: &str) -> String {
        let characters: Vec<char> = text.chars().collect();
        let at = self.rng.usize(..=characters.len());
        let to = self.rng.usize(at..=characters.len().min(at + 6));
        let part = |range: std::ops::Range<usize>| characters[range].iter().collect::<String>();
        let (before, after) = (part(0..at), part(at..characters.len()));
        match self.rng.u8(..11) {
            0 => before + &part(to..characters.len()),
            1 => format!("{before}{}{after}", self.character()),
            2 => {
                let rest: String = after.chars().skip(1).collect();
                format!("{before}{}{rest}", self.character())
            }
            3 => format!("{before}{}{after}", self.word()),
            4 => format!("{before} {}{after}", self.word()),
            5 => format!("{before}{}{}", part(at..to), after),
            6 => {
                let other = self.value();
                let rest: String = other.chars().skip(self.rng.usize(..=other.chars().count())).collect();
                before + &rest
            }
            7 => text.to_uppercase(),
            8 => {
                self.rng.choice([format!(" {text}"), format!("{text}\t"), format!("{text} {text}")]).unwrap()
            }
            9 => {
                let digit = self.rng.choice(DIGITS).unwrap();
                let at = text.find(|it: char| it.is_ascii_digit() && self.rng.bool());
                at.map_or_else(|| text.to_owned(), |at| format!("{}{digit}{}", &text[..at], &text[at + 1..]))
            }
            _ => after + &before,
        }
    }
}
