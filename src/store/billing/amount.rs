//! An amount of money: its digits, which Postgres reads as `numeric`. Floating point never meets it.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Digits before the point that the columns hold.
const WHOLE_DIGITS_MAX: usize = 12;
/// Digits after the point that the columns hold.
const FRACTION_DIGITS_MAX: usize = 6;

/// An amount, as somebody wrote it: `12`, `-0.5`, `0.012500`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Amount(String);

impl Amount {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is less than nothing.
    pub fn is_negative(&self) -> bool {
        self.0.starts_with('-') && !self.is_zero()
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        !self.0.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Amount {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let fits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if fits(whole, WHOLE_DIGITS_MAX) && fits(fraction, FRACTION_DIGITS_MAX) {
            Ok(Self(text.to_owned()))
        } else {
            Err("write an amount such as 100 or 0.0125: up to 12 digits before the point and 6 after it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_digits_and_nothing_else() {
        for good in ["0", "100", "-5", "0.012500", "999999999999.999999"] {
            assert_eq!(good.parse::<Amount>().map(|amount| amount.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "-", ".5", "5.", "1e3", "NaN", "1,000", "+5", "1.0000001", "1000000000000", "--1", "1 "] {
            assert!(bad.parse::<Amount>().is_err(), "{bad:?}");
        }
        assert!("-0.1".parse::<Amount>().unwrap().is_negative() && !"-0.0".parse::<Amount>().unwrap().is_negative());
        assert!("0.00".parse::<Amount>().unwrap().is_zero() && !"0.01".parse::<Amount>().unwrap().is_zero());
    }
}
