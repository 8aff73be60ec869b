//! The words of dates, times and intervals: `datetktbl` and `deltatktbl` in PostgreSQL's `datetime.c`.
//!
//! Input: a word in lower case. Output: its meaning. Time zones are in `zone`.

/// The maximum length of the part of a word that PostgreSQL compares, in characters: `TOKMAXLEN`.
const COMPARED: usize = 10;

/// The meaning of a word in a date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Now,
    /// `today`, `yesterday`, `tomorrow`.
    Day,
    /// `allballs`: midnight in UTC.
    Midnight,
    Epoch,
    Infinity,
    Month(i32),
    Weekday,
    Half(Half),
    Era {
        bc: bool,
    },
    /// `dst` after a time zone.
    DaylightSaving,
    /// The letter `t` between a date and a time.
    TimeFollows,
    Unit(Unit),
    /// The words `at` and `on`.
    Ignored,
    /// The end of an interval: `1 day ago`.
    Ago,
}

/// A half of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Am,
    Pm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Decade,
    Century,
    Millennium,
    /// In a date: the number that follows is a Julian day.
    Julian,
    /// A unit that functions such as `extract` accept, but constants do not, such as `quarter` or `doy`.
    Other,
}

/// Whether this word is in PostgreSQL's table of words in dates and times.
pub(super) fn is_keyword(word: &str) -> bool {
    in_date(word).is_some()
}

/// Returns the meaning of a word in a date or time. If the word is also the abbreviation of a time zone, the time zone
/// takes precedence.
pub(super) fn in_date(word: &str) -> Option<Word> {
    let word = compared(word);
    Some(match word {
        "now" => Word::Now,
        "today" | "yesterday" | "tomorrow" => Word::Day,
        "allballs" => Word::Midnight,
        "epoch" => Word::Epoch,
        "infinity" | "+infinity" | "-infinity" => Word::Infinity,
        "am" => Word::Half(Half::Am),
        "pm" => Word::Half(Half::Pm),
        "ad" => Word::Era { bc: false },
        "bc" => Word::Era { bc: true },
        "at" | "on" => Word::Ignored,
        "dst" => Word::DaylightSaving,
        "t" => Word::TimeFollows,
        "j" | "jd" | "julian" => Word::Unit(Unit::Julian),
        "y" => Word::Unit(Unit::Year),
        "m" => Word::Unit(Unit::Month),
        "d" => Word::Unit(Unit::Day),
        "h" => Word::Unit(Unit::Hour),
        "mm" => Word::Unit(Unit::Minute),
        "s" => Word::Unit(Unit::Second),
        "dow" | "doy" | "isodow" | "isoyear" => Word::Unit(Unit::Other),
        _ if is_weekday(word) => Word::Weekday,
        _ => Word::Month(month(word)?),
    })
}

/// Returns the meaning of a word in an interval.
pub(super) fn in_interval(word: &str) -> Option<Word> {
    Some(match compared(word) {
        "ago" => Word::Ago,
        "us" | "usec" | "usecs" | "microsecon" | "useconds" => Word::Unit(Unit::Microsecond),
        "ms" | "msec" | "msecs" | "millisecon" | "mseconds" => Word::Unit(Unit::Millisecond),
        "s" | "sec" | "secs" | "second" | "seconds" => Word::Unit(Unit::Second),
        "m" | "min" | "mins" | "minute" | "minutes" => Word::Unit(Unit::Minute),
        "h" | "hr" | "hrs" | "hour" | "hours" => Word::Unit(Unit::Hour),
        "d" | "day" | "days" => Word::Unit(Unit::Day),
        "w" | "week" | "weeks" => Word::Unit(Unit::Week),
        "mon" | "mons" | "month" | "months" => Word::Unit(Unit::Month),
        "y" | "yr" | "yrs" | "year" | "years" => Word::Unit(Unit::Year),
        "dec" | "decs" | "decade" | "decades" => Word::Unit(Unit::Decade),
        "c" | "cent" | "century" | "centuries" => Word::Unit(Unit::Century),
        "mil" | "mils" | "millennia" | "millennium" => Word::Unit(Unit::Millennium),
        "qtr" | "quarter" | "timezone" | "timezone_h" | "timezone_m" => Word::Unit(Unit::Other),
        _ => return in_date(word),
    })
}

/// Returns the part of a word that PostgreSQL compares with its tables. If `COMPARED` is inside a character that is not
/// ASCII, the whole word is returned: no word in the tables has such a character.
pub(super) fn compared(word: &str) -> &str {
    word.get(..COMPARED).unwrap_or(word)
}

fn month(word: &str) -> Option<i32> {
    const MONTHS: [&[&str]; 12] = [
        &["jan", "january"],
        &["feb", "february"],
        &["mar", "march"],
        &["apr", "april"],
        &["may"],
        &["jun", "june"],
        &["jul", "july"],
        &["aug", "august"],
        &["sep", "sept", "september"],
        &["oct", "october"],
        &["nov", "november"],
        &["dec", "december"],
    ];
    (1..).zip(MONTHS).find(|(_, names)| names.contains(&word)).map(|(month, _)| month)
}

fn is_weekday(word: &str) -> bool {
    matches!(
        word,
        "sun"
            | "sunday"
            | "mon"
            | "monday"
            | "tue"
            | "tues"
            | "tuesday"
            | "wed"
            | "weds"
            | "wednesday"
            | "thu"
            | "thur"
            | "thurs"
            | "thursday"
            | "fri"
            | "friday"
            | "sat"
            | "saturday"
    )
}
