//! Checks constants of network addresses: `inet_in`, `cidr_in`, `macaddr_in`, `macaddr8_in`.
//!
//! Input: the text of a constant. Output: nothing, or the reason why the constant is not an address.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::blank::is_blank;
use super::rejection::Rejection;
use crate::diagnostic::Code;

/// Checks an `inet` constant: an address with an optional prefix length.
pub(super) fn inet(text: &str) -> Result<(), Rejection> {
    let network = if text.contains(':') { ipv6(text) } else { ipv4(text) };
    network.map(drop).ok_or_else(|| Rejection::syntax("inet", text))
}

/// Checks a `cidr` constant: a network, whose address has no bits beyond its prefix.
pub(super) fn cidr(text: &str) -> Result<(), Rejection> {
    let network = if text.contains(':') { ipv6(text) } else { ipv4_network(text) };
    let Some(Network { address, prefix }) = network else { return Err(Rejection::syntax("cidr", text)) };
    let beyond = if prefix == 0 { address } else { address.checked_shl(prefix).unwrap_or(0) };
    if beyond == 0 {
        return Ok(());
    }
    Err(Rejection::new(Code::InvalidLiteral, format!("invalid cidr value: \"{text}\"")))
}

struct Network {
    /// The bits of the address, beginning with the highest bit of the number.
    address: u128,
    prefix: u32,
}

/// Reads an IPv4 address of up to four numbers with points between them, optionally with a point at the end and a
/// prefix length. Without a prefix length, there must be four numbers. With a prefix length, the numbers must cover the
/// whole octets of the prefix: at least three numbers for a prefix length of 24 to 31.
fn ipv4(text: &str) -> Option<Network> {
    let (numbers, prefix) = split_prefix(text, 32)?;
    let octets = octets(numbers.strip_suffix('.').unwrap_or(numbers))?;
    let prefix = match prefix {
        Some(prefix) => prefix,
        None if octets.len() == 4 => 32,
        None => return None,
    };
    if prefix / 8 > u32::try_from(octets.len()).ok()? {
        return None;
    }
    Some(Network { address: in_upper_bits(&octets), prefix })
}

/// Reads an IPv4 network: numbers separated by points (the last numbers may be missing), or hexadecimal digits. If the
/// prefix length is missing, the class of the address determines the length.
fn ipv4_network(text: &str) -> Option<Network> {
    let (numbers, prefix) = split_prefix(text, 32)?;
    let octets = match numbers.strip_prefix("0x").or_else(|| numbers.strip_prefix("0X")) {
        Some(digits) => hexadecimal_octets(digits)?,
        None => octets(numbers)?,
    };
    let written = u32::try_from(octets.len()).ok()? * 8;
    let prefix = prefix.unwrap_or_else(|| match octets.first() {
        Some(224) if written == 8 => 4,
        Some(240..) => 32,
        Some(224..) => 8.max(written),
        Some(192..) => 24.max(written),
        Some(128..) => 16.max(written),
        _ => 8.max(written),
    });
    Some(Network { address: in_upper_bits(&octets), prefix })
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let octets: Option<Vec<u8>> = text.split('.').map(octet).collect();
    octets.filter(|octets| octets.len() <= 4)
}

fn octet(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        text.trim_start_matches('0').parse().ok().or_else(|| text.bytes().all(|it| it == b'0').then_some(0))
    } else {
        None
    }
}

fn hexadecimal_octets(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > 8 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let even = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("{text}0") };
    let pairs = (0..even.len()).step_by(2).map(|at| even.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

fn in_upper_bits(octets: &[u8]) -> u128 {
    octets
        .iter()
        .zip((0..16).rev())
        .fold(0, |address, (octet, place)| address | u128::from(*octet) << (place * 8))
}

/// Returns the address and the prefix length after `/`; `None` if the prefix length is not a number up to `most`.
fn split_prefix(text: &str, most: u32) -> Option<(&str, Option<u32>)> {
    let Some((address, prefix)) = text.split_once('/') else { return Some((text, None)) };
    let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= most)?;
    Some((address, Some(prefix)))
}

fn ipv6(text: &str) -> Option<Network> {
    let (mut address, prefix) = split_prefix(text, 128)?;
    if let Some((_, digits)) = text.split_once('/') {
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        // PostgreSQL ignores a single colon directly before the `/`.
        address = address.strip_suffix(':').filter(|rest| !rest.ends_with(':')).unwrap_or(address);
    }
    let address: Ipv6Addr = with_ipv4_as_groups(address, prefix.is_some())?.parse().ok()?;
    Some(Network { address: address.to_bits(), prefix: prefix.unwrap_or(128) })
}

/// Replaces an IPv4 address in the last part of an IPv6 address by two groups. An octet may be empty, the last one only
/// if `/` follows. The last octets may also be missing. An empty or missing octet is 0.
fn with_ipv4_as_groups(text: &str, prefix_follows: bool) -> Option<Cow<'_, str>> {
    let (groups, last) = text.rsplit_once(':')?;
    if !last.contains('.') {
        return Some(Cow::Borrowed(text));
    }
    let leading_zero = last.split('.').any(|octet| octet.len() > 1 && octet.starts_with('0'));
    if leading_zero || last.ends_with('.') && !prefix_follows {
        return None;
    }
    let mut octets: Vec<u8> = last
        .split('.')
        .map(|text| if text.is_empty() { Some(0) } else { octet(text) })
        .collect::<Option<_>>()?;
    if octets.len() > 4 {
        return None;
    }
    octets.resize(4, 0);
    let [a, b, c, d] = octets.try_into().ok()?;
    Some(Cow::Owned(format!("{groups}:{:x}:{:x}", u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))))
}

/// Checks a `macaddr` constant: six octets in one of the forms that `macaddr_in` tries with `sscanf`.
pub(super) fn macaddr(text: &str) -> Result<(), Rejection> {
    // Each form of a `macaddr` consists of six numbers. Each row of the table contains the maximum number of digits of
    // each number, and the five separators between the numbers.
    const FORMS: [(usize, [&str; 5]); 7] = [
        (usize::MAX, [":"; 5]),
        (usize::MAX, ["-"; 5]),
        (2, ["", "", ":", "", ""]),
        (2, ["", "", "-", "", ""]),
        (2, ["", ".", "", ".", ""]),
        (2, ["", "-", "", "-", ""]),
        (2, [""; 5]),
    ];
    let numbers = FORMS.iter().find_map(|(width, between)| scan(text, *width, between));
    let Some(numbers) = numbers else { return Err(Rejection::syntax("macaddr", text)) };
    if numbers.iter().any(|number| !(0..=255).contains(number)) {
        let message = format!("invalid octet value in \"macaddr\" value: \"{text}\"");
        return Err(Rejection::new(Code::OutOfRange, message));
    }
    Ok(())
}

/// Reads six numbers as `sscanf` does with `%x`: blanks may precede each number, and only blanks may follow the last
/// number.
fn scan(text: &str, width: usize, between: &[&str; 5]) -> Option<Vec<i32>> {
    let mut rest = text;
    let mut numbers = Vec::new();
    for separator in [""].iter().chain(between) {
        let (number, after) = scan_number(rest.strip_prefix(separator)?, width)?;
        numbers.push(number);
        rest = after;
    }
    rest.chars().all(is_blank).then_some(numbers)
}

/// Reads a hexadecimal number of at most `width` characters, with an optional sign and `0x`; only its last 32 bits
/// count.
fn scan_number(text: &str, width: usize) -> Option<(i32, &str)> {
    let text = text.trim_start_matches(is_blank);
    let within = text.get(..width.min(text.len())).unwrap_or(text);
    let unsigned = within.strip_prefix(['-', '+']).unwrap_or(within);
    let hexadecimal = |text: &str| text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let prefixed = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let digits = prefixed.unwrap_or(unsigned);
    let digits = digits.get(..hexadecimal(digits))?;
    if digits.is_empty() && prefixed.is_none() {
        return None;
    }
    let number = match digits {
        "" => 0,
        _ => u64::from_str_radix(digits, 16).unwrap_or(u64::MAX),
    };
    let number = if within.starts_with('-') { number.wrapping_neg() } else { number };
    let [.., a, b, c, d] = number.to_be_bytes();
    let before = if prefixed.is_some() { 2 } else { 0 };
    let length = within.len() - unsigned.len() + before + digits.len();
    Some((i32::from_be_bytes([a, b, c, d]), &text[length..]))
}

/// Checks a `macaddr8` constant: six or eight pairs of digits, all with the same separator or none.
pub(super) fn macaddr8(text: &str) -> Result<(), Rejection> {
    let mut rest = text.trim_start_matches(is_blank).as_bytes();
    let mut separator = None;
    let mut count = 0;
    while let [first, second, after @ ..] = rest {
        if !first.is_ascii_hexdigit() || !second.is_ascii_hexdigit() || count == 8 {
            return Err(Rejection::syntax("macaddr8", text));
        }
        count += 1;
        rest = after;
        if let [found @ (b':' | b'-' | b'.'), after @ ..] = rest {
            if *separator.get_or_insert(*found) != *found {
                return Err(Rejection::syntax("macaddr8", text));
            }
            rest = after;
        }
        let end = matches!(count, 6 | 8) && rest.first().is_some_and(|byte| is_blank(char::from(*byte)));
        if end {
            if !rest.iter().all(|byte| is_blank(char::from(*byte))) {
                return Err(Rejection::syntax("macaddr8", text));
            }
            rest = &[];
        }
    }
    if matches!(count, 6 | 8) { Ok(()) } else { Err(Rejection::syntax("macaddr8", text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, as_inet, as_cidr) in [
            ("192.168.1.0/24", true, true),
            ("192.168.1.5/24", true, false),
            ("192.168.1.5", true, true),
            ("192.168.1", false, true),
            ("10", false, true),
            ("10/8", true, true),
            ("192.168.1.256", false, false),
            ("192.168.1.1/33", false, false),
            ("::1", true, true),
            ("2001:db8::/32", true, true),
            ("2001:db8::1/32", true, false),
            ("::ffff:1.2.3.4/128", true, true),
            ("1::2::3", false, false),
            ("", false, false),
        ] {
            assert_eq!((inet(text).is_ok(), cidr(text).is_ok()), (as_inet, as_cidr), "{text}");
        }
    }

    #[test]
    fn hardware_addresses() {
        for (text, fine) in [
            ("08:00:2b:01:02:03", true),
            ("08-00-2b-01-02-03", true),
            ("08002b:010203", true),
            ("0800.2b01.0203", true),
            ("08002b010203", true),
            ("0800:2b01:0203", false),
            ("08:00:2b:01:02:03:04", false),
            ("100:00:2b:01:02:03", false),
        ] {
            assert_eq!(macaddr(text).is_ok(), fine, "{text}");
        }
        assert!(macaddr8("08:00:2b:01:02:03:04:05 ").is_ok() && macaddr8("08002b010203").is_ok());
        assert!(macaddr8("08:00-2b:01:02:03").is_err() && macaddr8("08:00:2b:01:02").is_err());
    }
}
