"""Writes reference.json: what SciPy and NumPy say to the samples that the tests of src/stats use.

    pip install numpy scipy && python __test__/stats/reference.py

The tests only read the JSON, so nobody needs Python to run them.
"""

import json
import pathlib
import re

import numpy as np
import scipy
from scipy import stats

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
    dominance = np.sign(b[None, :] - a[:, None])
    pairs.append(
        {
            "first": first,
            "second": second,
            "yuen": {
                "t": stats.ttest_ind(b, a, equal_var=False, trim=0.2).statistic,
                "p": stats.ttest_ind(b, a, equal_var=False, trim=0.2).pvalue,
            },
            "cliffs delta": float(np.mean(dominance)),
        }
    )

t_grid = [-40, -3.5, -1, -0.1, 0, 0.2, 0.7, 1, 1.96, 2.5, 5, 12, 60]
df_grid = [0.5, 1, 1.7, 2, 3, 5.5, 10, 29, 100.25, 1000, 1e6]
student = [[t, df, stats.t.sf(t, df)] for t in t_grid for df in df_grid]
quantiles = [[p, df, stats.t.ppf(p, df)] for p in (0.005, 0.1, 0.5, 0.6, 0.9, 0.975, 0.999) for df in df_grid]

families = [random.uniform(0, 1, 1), random.uniform(0, 1, 12), random.beta(0.3, 3, 30), np.array([0.01, 0.01, 0.04, 0.9])]
discovery = [{"p": p.tolist(), "adjusted": stats.false_discovery_control(p).tolist()} for p in families]

document = {
    "made by": f"numpy {np.__version__}, scipy {scipy.__version__}",
    "samples": {name: values.tolist() for name, values in samples.items()},
    "single": single,
    "pairs": pairs,
    "student sf": student,
    "student quantile": quantiles,
    "false discovery": discovery,
}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return float(value) if isinstance(value, (np.floating, float)) else value


path = pathlib.Path(__file__).with_name("reference.json")
text = json.dumps(plain(document), indent=2)
# A list of numbers takes one line.
path.write_text(re.sub(r"\[[^][{}]*\]", lambda found: " ".join(found[0].split()), text) + "\n")
print(path, document["made by"])
