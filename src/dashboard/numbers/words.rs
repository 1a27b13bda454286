//! Numbers as people read them: shares, money, and figures that lead to their calls.

use super::super::show;
use crate::store::people::{Cost, Numbers};

/// A figure at the head of a page.
#[derive(Debug)]
pub(in crate::dashboard) struct Figure {
    pub(in crate::dashboard) label: &'static str,
    pub(in crate::dashboard) value: String,
    pub(in crate::dashboard) more: String,
    pub(in crate::dashboard) href: Option<String>,
}

/// A part of a whole, from 0 to 1; `None`: there is no whole.
#[expect(clippy::cast_precision_loss, reason = "a share does not need the last digit")]
pub(in crate::dashboard) fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// 62%, or a dash.
pub(in crate::dashboard) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| show::NOTHING.to_owned(), |share| format!("{:.0}%", share * 100.0))
}

/// What it cost, in each unit; a dash, if nothing is known.
pub(in crate::dashboard) fn costs(numbers: &Numbers) -> String {
    let costs: Vec<String> = numbers.cost.iter().filter(|cost| cost.amount != 0.0).map(money).collect();
    if costs.is_empty() { show::NOTHING.to_owned() } else { costs.join(" + ") }
}

/// $1.20, ₪3.40, 12 credits.
pub(in crate::dashboard) fn money(cost: &Cost) -> String {
    let amount = cost.amount;
    match cost.unit.as_str() {
        "usd_cents" => format!("${:.2}", amount / 100.0),
        "ils_agorot" => format!("₪{:.2}", amount / 100.0),
        "USD" => format!("${amount:.2}"),
        unit if amount.fract() == 0.0 => format!("{amount:.0} {}", unit.replace('_', " ")),
        unit => format!("{amount:.2} {}", unit.replace('_', " ")),
    }
}

/// Minutes, roughly.
pub(in crate::dashboard) fn minutes(minutes: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a day has 86,400 seconds")]
    let seconds = (minutes * 60.0).round() as i64;
    show::seconds(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_money_are_read_at_a_glance() {
        assert_eq!([share(1, 3), share(0, 0)].map(percent), ["33%", "–"]);
        let cost = |unit: &str, amount| Cost { unit: unit.to_owned(), amount };
        assert_eq!(money(&cost("usd_cents", 120.0)), "$1.20");
        assert_eq!(money(&cost("credits", 12.0)), "12 credits");
        let numbers = Numbers { cost: vec![cost("ils_agorot", 5.0), cost("credits", 0.5)], ..Numbers::default() };
        assert_eq!(costs(&numbers), "₪0.05 + 0.50 credits");
        assert_eq!(costs(&Numbers::default()), "–");
    }
}
