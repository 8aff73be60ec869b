//! Compares this machine's clock with AWS's, because a token is valid only around the time of its signature.
//!
//! Input: the header `Date` of an HTTPS answer, or the time of the server after the login. Output: the difference.

use std::time::{SystemTime, UNIX_EPOCH};

use dsql_edge::Config;
use dsql_edge::diagnosis;

use super::check::Check;

/// The name of the check.
pub(super) const NAME: &str = "clock";

/// The number of seconds for which a token of dsql-edge is valid after its signature. If this machine's clock is behind
/// AWS's clock by this number of seconds or more, each token has already expired.
const BEHIND: i64 = 60;

/// AWS accepts a token whose date is at most this number of seconds ahead of AWS's clock.
const AHEAD: i64 = 300;

/// If the difference is at least this number of seconds, the check is a warning. `Date` has whole seconds, and the
/// answer takes some time.
const NOTICEABLE: i64 = 20;

/// Seconds since 1970-01-01 UTC.
pub(super) fn unix_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// How far this machine's clock is ahead of another clock.
pub(super) struct Skew {
    /// Seconds; negative if this machine's clock is behind.
    pub(super) ahead: i64,
    /// The service or machine whose clock is compared with this machine's clock.
    of: String,
}

impl Skew {
    /// Returns the difference between this machine's clock and a time that a server has sent just now.
    pub(super) fn from(server: i64, of: impl Into<String>) -> Skew {
        Skew { ahead: unix_time() - server, of: of.into() }
    }

    /// Asks an HTTPS server for its time; `of` is the name of the service to which the clock belongs.
    pub(super) async fn ask(config: &Config, (host, port, of): (&str, u16, &str)) -> Result<Skew, String> {
        let answer = diagnosis::https_head(config, host, port).await;
        let (_, date) = answer.map_err(|error| format!("https://{host}:{port}: {error}"))?;
        let format = aws_smithy_types::date_time::Format::HttpDate;
        let parsed = date.and_then(|date| aws_smithy_types::DateTime::from_str(&date, format).ok());
        let server = parsed.ok_or_else(|| format!("the answer of https://{host}:{port} has no date"))?;
        Ok(Skew::from(server.secs(), of))
    }

    /// Whether a token that is signed now is rejected because of its date.
    pub(super) fn breaks_tokens(&self) -> bool {
        self.ahead <= -BEHIND || self.ahead > AHEAD
    }

    /// Describes the difference.
    pub(super) fn described(&self) -> String {
        let (difference, of) = (shown(self.ahead), &self.of);
        match self.ahead {
            ahead if ahead.abs() < NOTICEABLE => format!("the same as the clock of {of}"),
            ahead if ahead > 0 => format!("{difference} ahead of the clock of {of}"),
            _ => format!("{difference} behind the clock of {of}"),
        }
    }

    /// Returns the check of the clock's difference; `has_tokens` is true if the login uses a token, which depends on
    /// the clock.
    pub(super) fn check(&self, has_tokens: bool) -> Check {
        let detail = self.described();
        let set = "set this machine's clock, and let it follow a time server (NTP)";
        match self.ahead {
            ahead if ahead.abs() < NOTICEABLE => Check::ok(NAME, detail),
            _ if has_tokens && self.breaks_tokens() => Check::wrong(
                NAME,
                detail,
                format!("a token is accepted from {} s before its date to {BEHIND} s after it: {set}", AHEAD),
            ),
            _ => Check::warning(NAME, detail, set),
        }
    }
}

/// Returns a duration as text: `45 s`, `20 min` or `25 h`.
fn shown(seconds: i64) -> String {
    match seconds.unsigned_abs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn difference_is_wrong_if_a_token_would_be_rejected() {
        for (ahead, has_tokens, expected, detail) in [
            (0, true, Outcome::Ok, "the same as the clock of aws"),
            (-19, true, Outcome::Ok, "the same as the clock of aws"),
            (-45, true, Outcome::Warning, "45 s behind the clock of aws"),
            (-60, true, Outcome::Wrong, "60 s behind the clock of aws"),
            (300, true, Outcome::Warning, "5 min ahead of the clock of aws"),
            (301, true, Outcome::Wrong, "5 min ahead of the clock of aws"),
            (-1_200, true, Outcome::Wrong, "20 min behind the clock of aws"),
            (-1_200, false, Outcome::Warning, "20 min behind the clock of aws"),
            (90_000, true, Outcome::Wrong, "25 h ahead of the clock of aws"),
        ] {
            let check = Skew { ahead, of: "aws".to_owned() }.check(has_tokens);
            assert_eq!((check.outcome, check.detail.as_str()), (expected, detail));
        }
    }
}
