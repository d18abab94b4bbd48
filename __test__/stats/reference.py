"""Writes reference.json: what SciPy and NumPy say to the samples that the tests of src/stats use.

    pip install numpy scipy && python __test__/stats/reference.py && npx biome format --write __test__/stats

The tests only read the JSON, so nobody needs Python to run them.
"""

import json
import pathlib

import numpy as np
import scipy
from scipy import stats

MASK = (1 << 64) - 1


def split_mix_64(seed):
    """The generator of src/stats/bootstrap.rs, written down a second time."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def bootstrap(values, level, resamples, seed):
    random = split_mix_64(seed)
    n = len(values)
    means = [np.mean([values[(next(random) * n) >> 64] for _ in range(n)]) for _ in range(resamples)]
    tail = (1 - level) / 2 * 100
    low, high = np.percentile(means, [tail, 100 - tail], method="inverted_cdf")
    return {"level": level, "resamples": resamples, "seed": seed, "low": low, "high": high}


random = np.random.default_rng(20240601)
samples = {
    "normal": random.normal(10, 2, 40),
    "shifted": random.normal(11.5, 3, 35),
    "lognormal": random.lognormal(0, 1, 60),
    "small": random.normal(5, 1, 6),
    "small shifted": random.normal(7, 1, 8),
    "ties": random.integers(1, 6, 30).astype(float),
    "more ties": random.integers(2, 7, 25).astype(float),
    "tiny": random.normal(1e-6, 2e-7, 12),
    "huge offset": 1e9 + random.normal(0, 1, 50),
    "single": np.array([3.25]),
}
samples["outliers"] = np.concatenate([random.normal(10, 1, 50), [30.0, 45.5, -20.0]])

single = {}
for name, values in samples.items():
    center = np.median(values)
    scale = stats.median_abs_deviation(values, scale="normal")
    single[name] = {
        "sum": float(np.sum(values.astype(np.longdouble))),
        "mean": np.mean(values),
        "variance": np.var(values.astype(np.longdouble), ddof=1) if len(values) > 1 else 0.0,
        "median": center,
        "percentiles": {str(p): np.percentile(values, p, method="inverted_cdf") for p in (1, 25, 50, 75, 90, 95, 99)},
        "mad": scale,
        "outliers": [int(np.sum(values < center - 3.5 * scale)), int(np.sum(values > center + 3.5 * scale))]
        if scale > 0
        else [0, 0],
        "trimmed mean": stats.trim_mean(values, 0.2),
        "bootstrap": bootstrap(values, 0.95, 200, 42),
    }

pairs = []
for first, second in [
    ("normal", "shifted"),
    ("normal", "lognormal"),
    ("small", "small shifted"),
    ("small", "normal"),
    ("ties", "more ties"),
    ("tiny", "small"),
    ("outliers", "normal"),
    ("normal", "normal"),
]:
    a, b = samples[first], samples[second]
    welch = stats.ttest_ind(b, a, equal_var=False)
    interval = welch.confidence_interval(0.95)
    u = stats.mannwhitneyu(a, b, method="auto")
    dominance = np.sign(b[None, :] - a[:, None])
    pairs.append(
        {
            "first": first,
            "second": second,
            "welch": {
                "t": welch.statistic,
                "df": welch.df,
                "p": welch.pvalue,
                "interval": [interval.low, interval.high],
            },
            "yuen": {
                "t": stats.ttest_ind(b, a, equal_var=False, trim=0.2).statistic,
                "p": stats.ttest_ind(b, a, equal_var=False, trim=0.2).pvalue,
            },
            "mann whitney": {"u": u.statistic, "p": u.pvalue},
            "cliffs delta": float(np.mean(dominance)),
        }
    )

t_grid = [-40, -3.5, -1, -0.1, 0, 0.2, 0.7, 1, 1.96, 2.5, 5, 12, 60]
df_grid = [0.5, 1, 1.7, 2, 3, 5.5, 10, 29, 100.25, 1000, 1e6]
student = [[t, df, stats.t.sf(t, df)] for t in t_grid for df in df_grid]
quantiles = [[p, df, stats.t.ppf(p, df)] for p in (0.005, 0.1, 0.5, 0.6, 0.9, 0.975, 0.999) for df in df_grid]

document = {
    "made by": f"numpy {np.__version__}, scipy {scipy.__version__}",
    "samples": {name: values.tolist() for name, values in samples.items()},
    "single": single,
    "pairs": pairs,
    "student sf": student,
    "student quantile": quantiles,
}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return float(value) if isinstance(value, (np.floating, float)) else value


path = pathlib.Path(__file__).with_name("reference.json")
path.write_text(json.dumps(plain(document), indent=1) + "\n")
print(path, document["made by"])
