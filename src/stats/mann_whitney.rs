//! The Mann–Whitney U test.

use super::student::normal_sf;

/// Both samples at most this long and no ties: the p-value is exact.
const EXACT_UP_TO: usize = 8;

/// What [`mann_whitney`] finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// U of the first sample: pairs in which its value is the larger one, ties as half.
    pub u: f64,
    /// Two-sided p-value.
    pub p: f64,
}

/// Does one sample tend to larger values than the other, whatever their distribution? H. B. Mann and D. R. Whitney, Annals
/// of Mathematical Statistics 18, 1947. As SciPy's `mannwhitneyu(method='auto')`: exact without ties when one of the
/// samples has at most 8 values, else the normal approximation with tie and continuity correction (Hollander & Wolfe,
/// *Nonparametric Statistical Methods*, 4.1).
///
/// O((n + m) log(n + m)); the exact case O(n·m·(n·m)) with one side at most 8. `None` when either sample is empty.
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Option<MannWhitney> {
    let (n, m) = (first.len(), second.len());
    if n == 0 || m == 0 {
        return None;
    }
    let mut all: Vec<(f64, bool)> = first
        .iter()
        .map(|v| (*v, true))
        .chain(second.iter().map(|v| (*v, false)))
        .collect();
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut rank_sum = 0.0;
    let mut ties = 0.0;
    let mut seen = 0.0;
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let size = group.len() as f64;
        rank_sum += (seen + f64::midpoint(1.0, size)) * group.iter().filter(|(_, ours)| *ours).count() as f64;
        ties += size * size * size - size;
        seen += size;
    }
    let (n_f, m_f) = (n as f64, m as f64);
    let u = rank_sum - n_f * (n_f + 1.0) / 2.0;
    let extreme = u.max(n_f * m_f - u);
    let one_sided = if ties == 0.0 && n.min(m) <= EXACT_UP_TO {
        exact_tail(n, m, extreme as usize)
    } else {
        let total = n_f + m_f;
        let variance = n_f * m_f / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
        let away = extreme - n_f * m_f / 2.0 - 0.5;
        if variance > 0.0 {
            normal_sf(away / variance.sqrt())
        } else {
            1.0
        }
    };
    Some(MannWhitney {
        u,
        p: (2.0 * one_sided).min(1.0),
    })
}

/// P(U ≥ `at_least`) when both samples come from one distribution. The number of arrangements with a given U is a
/// Gaussian binomial coefficient, multiplied up factor by factor: ∏ (1 − q^(m+i)) / (1 − q^i), i = 1..n.
fn exact_tail(n: usize, m: usize, at_least: usize) -> f64 {
    let (n, m) = (n.min(m), n.max(m));
    let top = n * m;
    let mut ways = vec![0.0; top + 1];
    ways[0] = 1.0;
    for i in 1..=n {
        for u in (m + i..=top).rev() {
            ways[u] -= ways[u - m - i];
        }
        for u in i..=top {
            ways[u] += ways[u - i];
        }
    }
    let all: f64 = ways.iter().sum();
    ways.iter().skip(at_least).sum::<f64>() / all
}
