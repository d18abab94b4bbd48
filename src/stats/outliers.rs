//! Outliers by the median absolute deviation, which the outliers themselves cannot hide behind.

use super::median;

/// Makes the deviation of a normal distribution equal its standard deviation: 1 / Φ⁻¹(3/4).
const NORMAL_SCALE: f64 = 1.482_602_218_505_602;
/// Iglewicz and Hoaglin's cut on the modified z-score.
const CUT: f64 = 3.5;

/// The median distance from the median, scaled to the standard deviation of a normal distribution; 0 when empty.
/// F. R. Hampel, *The influence curve and its role in robust estimation*, JASA 69, 1974. O(n log n).
pub fn median_absolute_deviation(values: &[f64]) -> f64 {
    let middle = median(values);
    let distances: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    median(&distances) * NORMAL_SCALE
}

/// Numbers of values below and above what the rest makes believable: a modified z-score beyond 3.5 (B. Iglewicz and
/// D. Hoaglin, *How to detect and handle outliers*, ASQC 1993). None when more than half of the values are equal, as the
/// deviation is then 0 and says nothing. O(n log n).
pub fn outliers(values: &[f64]) -> [usize; 2] {
    let middle = median(values);
    let reach = CUT * median_absolute_deviation(values);
    if reach == 0.0 {
        return [0, 0];
    }
    let low = values.iter().filter(|v| **v < middle - reach).count();
    let high = values.iter().filter(|v| **v > middle + reach).count();
    [low, high]
}
