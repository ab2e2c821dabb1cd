"""Fit the slope of the fidelity and the drift of calibrations.

    python calibration/fidelity/fit_fidelity.py ESTIMATES.csv CALIBRATIONS.csv [--write]

ESTIMATES.csv has real and model (ESP); CALIBRATIONS.csv has one day a row with T1, T2 and median errors.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

N_COUPLERS = 6
"""Couplers of ibm_perth."""
COLUMNS = {
    "t1": "T1_us_median",
    "t2": "T2_us_median",
    "error_1q": "sx_err_median",
    "error_2q": "cx_err_median",
    "error_readout": "readout_err_median",
}
RELEASE = "N. Giortamis et al., Qonductor (SC'25), https://github.com/manosgior/Qonductor-SC25 (d85452e)"


def fit_slope(esp: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return scale and exponent of least absolute error."""

    def loss(b: np.ndarray) -> float:
        return float(np.sqrt((b[0] * np.minimum(esp, 1) ** b[1] - real) ** 2 + 1e-4).sum())

    return np.asarray(minimize(loss, [1.0, 1.0], method="Nelder-Mead").x)


def held_out_error(esp: np.ndarray, real: np.ndarray, seed: int, n_folds: int = 10) -> np.ndarray:
    """Return absolute errors of fits that did not see the pair."""
    fold = np.random.default_rng(seed).permutation(len(esp)) % n_folds
    error = np.empty(len(esp))
    for k in range(n_folds):
        scale, exponent = fit_slope(esp[fold != k], real[fold != k])
        error[fold == k] = np.abs(scale * np.minimum(esp[fold == k], 1) ** exponent - real[fold == k])
    return error


def fit_drift(values: np.ndarray) -> tuple[float, float]:
    """Return lag-1 correlation and robust deviation of the logarithm; failed calibrations (error 1) left out."""
    log = np.log(np.where(values >= 0.9999, np.nan, values) if values.max() <= 1 else values)
    rest = log - np.nanmedian(log)
    rest = np.clip(rest, *(np.nanquantile(rest, q) for q in (0.01, 0.99)))
    pairs = np.isfinite(rest[1:]) & np.isfinite(rest[:-1])
    phi = np.corrcoef(rest[1:][pairs], rest[:-1][pairs])[0, 1]
    return float(phi), float(1.4826 * np.nanmedian(np.abs(rest)))


def slope_card(esp: np.ndarray, real: np.ndarray) -> str:
    """Return the text of the slope's card."""
    rng = np.random.default_rng(3)
    again = [fit_slope(esp[i], real[i]) for i in rng.integers(0, len(esp), (100, len(esp)))]
    (scale, exponent), sd = fit_slope(esp, real), np.std(again, axis=0)
    held = np.array([held_out_error(esp, real, seed).mean() for seed in range(20)])
    gain = np.abs(esp - real) - held_out_error(esp, real, 0)
    low, high = np.quantile([rng.choice(gain, len(gain)).mean() for _ in range(2000)], (0.025, 0.975))
    return f"""# Written by calibration/fidelity/fit_fidelity.py; do not edit by hand.
card: from estimated success probability to measured fidelity
method: fit to {len(esp)} pairs, least absolute error
source: "{RELEASE}, published fidelity estimates"
licence: MIT
script: calibration/fidelity/fit_fidelity.py
date: {dt.date.today()}
entries:
  scale: {{value: {scale:.4g}, unit: "1", uncertainty: {sd[0]:.2g}}}
  exponent: {{value: {exponent:.4g}, unit: "1", uncertainty: {sd[1]:.2g}}}
  held_out_error: {{value: {held.mean():.4f}, unit: "1", uncertainty: {held.std():.2g},
    note: "mean absolute error, ten folds, 20 repeats; bootstrap interval of the gain: {low:.3f} … {high:.3f}"}}
  plain_error: {{value: {np.abs(esp - real).mean():.4f}, unit: "1", uncertainty: null, note: "of the ESP as published"}}
"""


def drift_card(table: np.ndarray) -> str:
    """Return the text of the drift's card."""
    lines = []
    for name, column in COLUMNS.items():
        phi, deviation = fit_drift(table[column])
        lines.append(
            f'  {name}_phi: {{value: {phi:.2f}, unit: "1", uncertainty: {(1 - phi**2) / len(table) ** 0.5:.2g}}}'
        )
        lines.append(f'  {name}_deviation: {{value: {deviation:.3f}, unit: "1", uncertainty: {deviation * 0.07:.2g}}}')
    dead = table["cx_err_max"] >= 0.9999
    onsets = int((dead[1:] & ~dead[:-1]).sum())
    death, recovery = onsets / ((~dead).sum() * N_COUPLERS), onsets / dead.sum()
    return f"""# Written by calibration/fidelity/fit_fidelity.py; do not edit by hand.
card: drift of a device's median errors from day to day
method: fit to {len(table)} daily calibrations of ibm_perth, January to June 2023; AR(1) of the logarithm, robust
source: "{RELEASE}, temporal_variance/calibration_data"
licence: MIT (data from IBM)
script: calibration/fidelity/fit_fidelity.py
date: {dt.date.today()}
entries:
{chr(10).join(lines)}
  coupler_death: {{value: {death:.2g}, unit: "1", uncertainty: {death / onsets**0.5:.1g},
    note: "a day and coupler; {onsets} failures of the worst of {N_COUPLERS} couplers"}}
  coupler_recovery: {{value: {recovery:.2g}, unit: "1", uncertainty: {recovery / onsets**0.5:.1g}, note: a day}}
"""


def main() -> None:
    """Print both cards, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("estimates", type=Path)
    parser.add_argument("calibrations", type=Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    pairs = np.genfromtxt(args.estimates, delimiter=",", names=True)
    days = np.genfromtxt(args.calibrations, delimiter=",", names=True, dtype=None, encoding="utf-8")
    for name, text in (("slope", slope_card(pairs["model"], pairs["real"])), ("drift", drift_card(days))):
        print(text)
        if args.write:
            (Path(__file__).parent / f"{name}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
