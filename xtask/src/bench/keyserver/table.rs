//! The table of results.

use super::load::Sample;

/// The rows, as they are measured.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<[String; 4]>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a row: what was measured, this program, the program beside it, and how they compare.
    pub(super) fn row(&mut self, what: &str, own: String, beside: String, result: String) {
        eprintln!("  {what}: {own}; beside {beside}; {result}");
        self.rows.push([what.to_owned(), own, beside, result]);
    }

    pub(super) fn print(&self) {
        let head = ["work", "key server", "beside it", "result"].map(str::to_owned);
        let all = || std::iter::once(&head).chain(&self.rows);
        let mut widths = [0; 4];
        for row in all() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        println!();
        for row in all() {
            let cells: Vec<String> =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            println!("{}", cells.join("  ").trim_end());
        }
    }
}

/// The median, and the smallest and the largest of the rounds.
pub(super) fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (at(values.len() / 2), at(0), at(values.len().saturating_sub(1)))
}

/// `0.61 × (0.58–0.64)`.
pub(super) fn ratio(values: impl Iterator<Item = f64>) -> String {
    let (median, least, most) = spread(values);
    format!("{median:.2} × ({least:.2}–{most:.2})")
}

/// `15400/s, 52.1 µs CPU`: medians.
pub(super) fn under_load(samples: impl Iterator<Item = Sample> + Clone) -> String {
    let (rate, ..) = spread(samples.clone().map(|sample| sample.rate));
    let (cpu, ..) = spread(samples.map(|sample| sample.cpu_us));
    format!("{rate:.0}/s, {cpu:.1} µs CPU")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_with_its_extremes() {
        assert_eq!(ratio([0.5, 0.61, 0.58].into_iter()), "0.58 × (0.50–0.61)");
    }
}
