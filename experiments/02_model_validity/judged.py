"""One model judged on one data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Z_90 = 1.6448536269514722
HELD_OUT, TRAINING, NEVER = "held out", "training", "never fitted"


@dataclass(frozen=True)
class Judged:
    """Predictions of a data set and what was measured; ``how`` says which rows the fit that predicts them saw."""

    area: str
    model: str
    data: str
    how: str
    predicted_s: np.ndarray
    measured_s: np.ndarray
    covered: np.ndarray | None = None
    """Whether each row is inside its 90 % interval; None: the model states none for these rows."""

    @property
    def errors(self) -> np.ndarray:
        """Predicted over measured, less one."""
        return self.predicted_s / self.measured_s - 1.0


def covered(errors: np.ndarray, sigma: float) -> np.ndarray:
    """Return whether rows are inside the 90 % interval of a log-normal law."""
    return np.abs(np.log1p(errors)) <= Z_90 * sigma


def of_errors(area: str, model: str, data: str, how: str, errors: np.ndarray, measured_s: np.ndarray,
              sigma: float | None = None) -> Judged:  # fmt: skip
    """Return the judgement of relative errors."""
    inside = None if sigma is None else covered(errors, sigma)
    return Judged(area, model, data, how, (1.0 + errors) * measured_s, measured_s, inside)
