//! `numeric` ⇄ [`Decimal`], and [`Numeric`], which holds every value of the SQL type.
//!
//! Input and output: PostgreSQL's base-10000 digits. Values are never rounded: a value that a `Decimal` (96 bits, at
//! most 28 decimal places) cannot hold exactly is an error. A `Numeric` keeps the base-10000 digits, so that 1e131071
//! takes two bytes and not 131,072.

use core::fmt::{self, Write};

use super::{Column, ConversionError, Decimal, IsNull, NotNull, Param, split, sql};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEG_INFINITY: u16 = 0xF000;

const TOO_WIDE: ConversionError = ConversionError(std::borrow::Cow::Borrowed(
    "it has more digits than Decimal can hold, or is NaN or infinite: use Numeric",
));

/// Any `numeric`: up to 131,072 digits before the decimal point and 16,383 after it, `NaN` or an infinity.
///
/// `Display` writes the same text as PostgreSQL, and [`str::parse`] reads such text. Values are compared as numbers:
/// 1.0 equals 1.00, and (as in PostgreSQL, not in IEEE 754) `NaN` equals `NaN`.
///
/// ```
/// use dsql_edge::types::{Decimal, Numeric};
///
/// let price: Numeric = "12.50".parse()?;
/// assert_eq!((price.to_string(), price.to_decimal()), ("12.50".to_owned(), Some(Decimal::new(1250, 2))));
/// let endless: Numeric = "Infinity".parse()?;
/// assert!(!endless.is_finite() && endless.to_decimal().is_none());
/// # Ok::<(), dsql_edge::types::ConversionError>(())
/// ```
#[derive(Clone)]
pub struct Numeric {
    /// Base-10000 digits, the most significant first. The first digit and the last digit are not 0.
    digits: Vec<u16>,
    /// The exponent of the first digit, to the base 10000.
    weight: i16,
    sign: u16,
    /// Decimal places to show.
    scale: u16,
}

impl Numeric {
    /// Whether the number is neither `NaN` nor infinite.
    pub fn is_finite(&self) -> bool {
        matches!(self.sign, 0 | NEGATIVE)
    }

    /// The same number as a `Decimal`; `None` if a `Decimal` cannot hold the number exactly. Trailing zeros are dropped
    /// if there are more than a `Decimal` can hold.
    pub fn to_decimal(&self) -> Option<Decimal> {
        if !self.is_finite() {
            return None;
        }
        // The 96 bits of a `Decimal` hold at most 29 decimal digits. Ten digits of base 10,000 are at least 34 decimal
        // digits, not counting zeros at the end.
        if self.digits.len() > 9 {
            return None;
        }
        let mut mantissa: i128 = 0;
        for digit in &self.digits {
            mantissa = mantissa * 10_000 + i128::from(*digit);
        }
        let last = i32::try_from(self.digits.len()).ok()? - 1;
        // The number of decimal places of the last digit in `digits`. A negative number, such as -3, means that as many
        // zeros (here three) are between that digit and the decimal point.
        let mut places = (last - i32::from(self.weight)) * 4;
        let wanted = i32::from(self.scale).min(28);
        if mantissa == 0 {
            places = wanted;
        }
        while places < wanted {
            match mantissa.checked_mul(10) {
                Some(longer) if longer < 1 << 96 => mantissa = longer,
                _ if places < 0 => return None,
                _ => break,
            }
            places += 1;
        }
        while places > wanted {
            if mantissa % 10 != 0 {
                break;
            }
            mantissa /= 10;
            places -= 1;
        }
        if self.sign == NEGATIVE {
            mantissa = -mantissa;
        }
        Decimal::try_from_i128_with_scale(mantissa, u32::try_from(places).ok()?).ok()
    }

    fn special(sign: u16) -> Self {
        Numeric { digits: Vec::new(), weight: 0, sign, scale: 0 }
    }

    /// Makes a finite number from base-10000 digits, which may begin and end with zeros.
    fn finite(mut digits: Vec<u16>, weight: i32, sign: u16, scale: u16) -> Result<Self, ConversionError> {
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..leading);
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            return Ok(Numeric { digits, weight: 0, sign: 0, scale });
        }
        let out_of_range = |_| ConversionError::new("it has more digits than PostgreSQL's numeric can hold");
        let leading = i32::try_from(leading).map_err(out_of_range)?;
        let weight = i16::try_from(weight.saturating_sub(leading)).map_err(out_of_range)?;
        Ok(Numeric { digits, weight, sign, scale })
    }
}

impl From<Decimal> for Numeric {
    fn from(decimal: Decimal) -> Self {
        let scale = decimal.scale();
        // The number of base-10000 digits after the point: at most 7.
        let after_point = scale.div_ceil(4);
        let mut rest = decimal.mantissa().unsigned_abs() * 10_u128.pow(after_point * 4 - scale);
        let mut weight = -1;
        (0..after_point).for_each(|_| weight -= 1);
        let mut digits = Vec::with_capacity(9);
        while rest != 0 {
            // A remainder of a division by 10,000 always fits.
            digits.push(u16::try_from(rest % 10_000).unwrap_or_default());
            rest /= 10_000;
            weight += 1;
        }
        digits.reverse();
        let sign = if decimal.is_sign_negative() { NEGATIVE } else { 0 };
        let scale = u16::try_from(scale).unwrap_or_default();
        Numeric::finite(digits, weight, sign, scale).unwrap_or_else(|_| Numeric::special(NAN))
    }
}

impl Column<sql::Numeric, NotNull> for Numeric {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        let (count, rest) = split(bytes)?;
        let (weight, rest) = split(rest)?;
        let (sign, rest) = split(rest)?;
        let (scale, mut rest) = split(rest)?;
        let count = usize::from(u16::from_be_bytes(count));
        if rest.len() != count * 2 {
            return Err(ConversionError::truncated());
        }
        let sign = u16::from_be_bytes(sign);
        if matches!(sign, NAN | INFINITY | NEG_INFINITY) {
            return Ok(Numeric::special(sign));
        }
        let scale = u16::from_be_bytes(scale);
        if !matches!(sign, 0 | NEGATIVE) || scale > 0x3FFF {
            return Err(ConversionError::new("it is not a valid numeric"));
        }
        let mut digits = Vec::with_capacity(count);
        while let Some((digit, after)) = rest.split_first_chunk() {
            match u16::from_be_bytes(*digit) {
                digit @ 0..10_000 => digits.push(digit),
                _ => return Err(ConversionError::new("it has a digit that is out of range")),
            }
            rest = after;
        }
        Numeric::finite(digits, i32::from(i16::from_be_bytes(weight)), sign, scale)
    }
}

impl Column<sql::Numeric, NotNull> for Decimal {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        Numeric::decode(bytes)?.to_decimal().ok_or(TOO_WIDE)
    }
}

impl<N> Param<sql::Numeric, N> for Numeric {
    fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
        let count =
            u16::try_from(self.digits.len()).map_err(|_| ConversionError::new("it has too many digits"))?;
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&self.weight.to_be_bytes());
        out.extend_from_slice(&self.sign.to_be_bytes());
        out.extend_from_slice(&self.scale.to_be_bytes());
        for digit in &self.digits {
            out.extend_from_slice(&digit.to_be_bytes());
        }
        Ok(IsNull::No)
    }
}

macro_rules! through_numeric {
    ($($rust:ty),*) => {$(
        impl<N> Param<sql::Numeric, N> for $rust {
            fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
                <Numeric as Param<sql::Numeric, NotNull>>::encode(&Decimal::from(*self).into(), out)
            }
        }
    )*};
}

through_numeric!(Decimal, i8, i16, i32, i64, u8, u16, u32, u64);

impl std::str::FromStr for Numeric {
    type Err = ConversionError;

    /// Reads `[+-]digits[.digits][e[+-]digits]`, also without the digits on one side of the point, `NaN`, and
    /// `[+-]Infinity`, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, ConversionError> {
        const NOT_A_NUMBER: ConversionError = ConversionError(std::borrow::Cow::Borrowed(
            "the text is not a number that PostgreSQL's numeric can hold",
        ));
        let (sign, unsigned) = match text.as_bytes() {
            [b'-', rest @ ..] => (NEGATIVE, rest),
            [b'+', rest @ ..] => (0, rest),
            rest => (0, rest),
        };
        if unsigned.eq_ignore_ascii_case(b"infinity") {
            return Ok(Numeric::special(if sign == 0 { INFINITY } else { NEG_INFINITY }));
        }
        if text.eq_ignore_ascii_case("nan") {
            return Ok(Numeric::special(NAN));
        }
        let mut decimal_digits = Vec::new();
        let mut places: i32 = 0;
        let mut seen_point = false;
        let mut exponent: i32 = 0;
        let mut bytes = unsigned.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'0'..=b'9' => {
                    decimal_digits.push(u16::from(byte - b'0'));
                    places += i32::from(seen_point);
                }
                b'.' if !seen_point => seen_point = true,
                b'e' | b'E' if !decimal_digits.is_empty() => {
                    exponent = std::str::from_utf8(bytes.as_slice())
                        .ok()
                        .and_then(|exponent| exponent.parse().ok())
                        .filter(|exponent: &i32| exponent.abs() <= 200_000)
                        .ok_or(NOT_A_NUMBER)?;
                    bytes = [].iter();
                }
                _ => return Err(NOT_A_NUMBER),
            }
        }
        if decimal_digits.is_empty() || decimal_digits.len() > 150_000 {
            return Err(NOT_A_NUMBER);
        }
        // The exponent of the last digit, to the base 10. Zeros are appended until the exponent is a multiple of four.
        let mut last = exponent - places;
        let scale =
            u16::try_from((-last).max(0)).ok().filter(|scale| *scale <= 0x3FFF).ok_or(NOT_A_NUMBER)?;
        while last.rem_euclid(4) != 0 {
            decimal_digits.push(0);
            last -= 1;
        }
        let digits: Vec<u16> = decimal_digits
            .rchunks(4)
            .rev()
            .map(|four| four.iter().fold(0, |sum, digit| sum * 10 + digit))
            .collect();
        let weight = i32::try_from(digits.len()).map_err(|_| NOT_A_NUMBER)? - 1 + last / 4;
        Numeric::finite(digits, weight, sign, scale)
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sign {
            NAN => return f.write_str("NaN"),
            INFINITY => return f.write_str("Infinity"),
            NEG_INFINITY => return f.write_str("-Infinity"),
            NEGATIVE => f.write_str("-")?,
            _ => {}
        }
        let digit_at = |power: i32| {
            let index = usize::try_from(i32::from(self.weight) - power).ok();
            index.and_then(|index| self.digits.get(index)).copied().unwrap_or(0)
        };
        let highest = i32::from(self.weight).max(0);
        write!(f, "{}", digit_at(highest))?;
        for power in (0..highest).rev() {
            write!(f, "{:04}", digit_at(power))?;
        }
        if self.scale > 0 {
            f.write_str(".")?;
        }
        let mut left = usize::from(self.scale);
        let mut power = -1;
        while left > 0 {
            let digit = digit_at(power);
            for ten in [1000, 100, 10, 1].into_iter().take(left) {
                f.write_char(char::from(b'0' + (digit / ten % 10) as u8))?;
            }
            left = left.saturating_sub(4);
            power -= 1;
        }
        Ok(())
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numeric({self})")
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        (self.sign, self.weight, &self.digits) == (other.sign, other.weight, &other.digits)
    }
}

impl Eq for Numeric {}

#[cfg(feature = "serde")]
impl serde::Serialize for Numeric {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(value: &impl Param<sql::Numeric, NotNull>) -> Vec<u8> {
        let mut out = Vec::new();
        assert_eq!(value.encode(&mut out), Ok(IsNull::No));
        out
    }

    /// `ndigits, weight, sign, dscale, digits…`, in the server's format.
    fn wire(words: &[i32]) -> Vec<u8> {
        words.iter().flat_map(|word| (*word as u16).to_be_bytes()).collect()
    }

    #[test]
    fn bytes_as_postgresql_16_sends_them() {
        let cases: &[(&str, &[i32])] = &[
            ("0", &[0, 0, 0, 0]),
            ("0.000", &[0, 0, 0, 3]),
            ("1", &[1, 0, 0, 0, 1]),
            ("-1.50", &[2, 0, 0x4000, 2, 1, 5000]),
            ("10000", &[1, 1, 0, 0, 1]),
            ("0.0001", &[1, -1, 0, 4, 1]),
            ("12345.678", &[3, 1, 0, 3, 1, 2345, 6780]),
            ("0.00000012", &[1, -2, 0, 8, 12]),
            ("NaN", &[0, 0, 0xC000, 0]),
            ("-Infinity", &[0, 0, 0xF000, 0]),
        ];
        for (text, words) in cases {
            let numeric = Numeric::decode(&wire(words)).unwrap();
            assert_eq!(numeric.to_string(), *text);
            assert_eq!(bytes_of(&text.parse::<Numeric>().unwrap()), wire(words), "{text}");
            match text.parse::<Decimal>() {
                Ok(decimal) => {
                    assert_eq!(Decimal::decode(&wire(words)).unwrap().to_string(), *text);
                    assert_eq!(bytes_of(&decimal), wire(words), "{text}");
                }
                Err(_) => assert!(Decimal::decode(&wire(words)).is_err()),
            }
        }
    }

    #[test]
    fn value_beyond_decimal_is_an_error() {
        let decimal =
            |text: &str| text.parse::<Numeric>().unwrap().to_decimal().map(|decimal| decimal.to_string());
        assert_eq!(decimal("1e32"), None);
        assert_eq!(
            decimal("79228162514264337593543950335").as_deref(),
            Some("79228162514264337593543950335")
        );
        assert_eq!(decimal("79228162514264337593543950336"), None);
        assert_eq!(decimal("1234567890123456789012345678901234567890"), None);
        assert_eq!(decimal("0.00000000000000000000000000001"), None);
        // Zeros beyond a `Decimal`'s precision do not count as digits.
        assert_eq!(
            decimal("7.0000000000000000000000000000000000").as_deref(),
            Some("7.0000000000000000000000000000")
        );
        assert_eq!(
            decimal("79228162514264337593543950335.00").as_deref(),
            Some("79228162514264337593543950335")
        );
    }

    #[test]
    fn a_short_header_that_claims_much_costs_little() {
        let huge = Numeric::decode(&wire(&[1, 32_767, 0, 0, 1])).unwrap();
        assert_eq!(huge.digits.capacity(), 1);
        assert!(huge.to_decimal().is_none());
        assert_eq!(huge.to_string().len(), 131_069);
        assert!(Numeric::decode(&wire(&[65_535, 0, 0, 0])).is_err());
    }

    #[test]
    fn text_that_is_not_a_number_is_rejected() {
        for text in ["", ".", "-", "e5", "1e", "1.2.3", "1 ", "0x1", "1e999999999", "--1", "-nan"] {
            assert!(text.parse::<Numeric>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(numeric) = Numeric::decode(&bytes) {
                prop_assert_eq!(&Numeric::decode(&bytes_of(&numeric)).unwrap(), &numeric);
                let _ = numeric.to_decimal();
            }
        }

        #[test]
        fn well_formed_digits_survive(
            digits in proptest::collection::vec(0_i32..10_000, 0..12),
            weight in -8_i32..8,
            negative: bool,
            scale in 0_i32..40,
        ) {
            let mut words = vec![digits.len() as i32, weight, if negative { 0x4000 } else { 0 }, scale];
            words.extend(&digits);
            let numeric = Numeric::decode(&wire(&words)).unwrap();
            prop_assert_eq!(&Numeric::decode(&bytes_of(&numeric)).unwrap(), &numeric);
            if let Some(decimal) = numeric.to_decimal() {
                prop_assert_eq!(Numeric::from(decimal), numeric);
            }
        }

        #[test]
        fn decimals_survive(mantissa in -(1_i128 << 96) + 1..1_i128 << 96, scale in 0_u32..=28) {
            let decimal = Decimal::from_i128_with_scale(mantissa, scale);
            let back = Decimal::decode(&bytes_of(&decimal)).unwrap();
            prop_assert_eq!((back, back.scale()), (decimal, scale));
            prop_assert_eq!(Numeric::from(decimal).to_string(), decimal.to_string());
            prop_assert_eq!(decimal.to_string().parse::<Numeric>().unwrap(), Numeric::from(decimal));
        }
    }
}
