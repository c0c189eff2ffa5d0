"""The two-sample tests that one would write with NumPy and SciPy; spoken to by src/drift.bench.ts.

Reads a line of JSON {file, columns, reference, window}: float64 columns one after the other, each the reference's rows and then the window's.
Then, for each further line, tests all columns and answers with one line of JSON {seconds of processor time, changed}.
"""

import json
import sys
import time

import numpy as np
from scipy import stats


def edges_of(reference):
    edges = np.quantile(reference, np.arange(1, 10) / 10, method="higher")
    return np.concatenate([[-np.inf], np.unique(edges[edges > reference.min()]), [np.inf]])


def psi(a, b):
    a, b = np.where(a == 0, 0.5, a) / a.sum(), np.where(b == 0, 0.5, b) / b.sum()
    return float(np.sum((b - a) * np.log(b / a)))


def test(reference, window):
    """KS on the values; chi-square and PSI on deciles of the reference."""
    ks = stats.ks_2samp(reference, window)
    edges = edges_of(reference)
    before, after = np.histogram(reference, edges)[0], np.histogram(window, edges)[0]
    chi = stats.chi2_contingency(np.array([before, after]))
    return ks.pvalue, chi.pvalue, psi(before, after)


plan = json.loads(sys.stdin.readline())
size = plan["reference"] + plan["window"]
columns = np.fromfile(plan["file"]).reshape(plan["columns"], size)
print(json.dumps({"ready": f"NumPy {np.__version__}, SciPy {__import__('scipy').__version__}, Python {sys.version.split()[0]}"}), flush=True)
for _ in sys.stdin:
    start = time.process_time()
    results = [test(column[: plan["reference"]], column[plan["reference"] :]) for column in columns]
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "changed": [bool(min(ks, chi) <= 0.01 / len(columns)) for ks, chi, _ in results]}), flush=True)
