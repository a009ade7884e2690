//! Parts of a whole, for people.

use fairlead_rollout::Share;

/// A weight as exact as it is: `10 %`, `0.0001 %`.
pub(crate) fn weight(share: Share) -> String {
    const PERCENT: u32 = Share::WHOLE_PPM / 100;
    let text = format!("{}.{:04}", share.ppm() / PERCENT, share.ppm() % PERCENT);
    let short = text.trim_end_matches('0').trim_end_matches('.');
    format!("{short} %")
}

/// What `part` is of `whole`, to a tenth of a percent; `-` of nothing.
pub(crate) fn of(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.1} %", part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_lose_nothing() {
        for (ppm, text) in [
            (0, "0 %"),
            (1, "0.0001 %"),
            (15_000, "1.5 %"),
            (100_000, "10 %"),
            (1_000_000, "100 %"),
        ] {
            assert_eq!(weight(Share::from_ppm(ppm).unwrap()), text);
        }
    }

    #[test]
    fn parts_are_rounded() {
        assert_eq!(of(1, 3), "33.3 %");
        assert_eq!(of(3, 3), "100.0 %");
        assert_eq!(of(0, 0), "-");
    }
}
