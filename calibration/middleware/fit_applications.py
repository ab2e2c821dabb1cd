"""Fit applications whose overheads are their own: ``python calibration/middleware/fit_applications.py [--write]``.

Cutting on QPUs: totals on one and on four QPUs are fitted, those on two and three are left for the check. Fragments:
batched on 8 and 64 GPUs and on demand on 64 are fitted, the other eleven runs are left for the check.
Data: QHPCSIM_REFERENCE_DATA (default ../shared/data).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from card_text import MINI_APPS, entry, text
from scipy.optimize import least_squares, nnls
from seed_rows import N_FRAGMENTS, Cutting, cutting_runs, fragment_chunks, fragment_runs
from seed_runs import part_times

HERE = Path(__file__).parent
SCRIPT = "calibration/middleware/fit_applications.py"
FITTED_QPUS = (1, 4)
FITTED_GPUS = (8, 64)
NARROW = 0.25
"""Time of a state of 27 qubits over that of 29: its size."""


def in_turn_s(run_s: list[float], n_qpus: int) -> float:
    """Return when the last QPU is done if tasks go to QPUs in turn."""
    return max(sum(run_s[k::n_qpus]) for k in range(n_qpus))


@dataclass(frozen=True)
class CuttingLaw:
    """What tasks and the client take."""

    serial_s: float
    end_ratio: float
    inner_s: dict[int, float]

    def error(self, run: Cutting, n_qpus: int) -> float:
        """Return a total on so many QPUs over the measured one, less one."""
        tasks_s = in_turn_s(part_times(run.width, self.inner_s, self.end_ratio), n_qpus)
        return (run.find_s + self.serial_s + tasks_s + run.reconstruct_s) / run.total_s[n_qpus] - 1.0


def cutting_fit(runs: list[Cutting], fitted: tuple[int, ...]) -> CuttingLaw:
    """Return the law of least relative error on so many QPUs."""

    def law(x: np.ndarray) -> CuttingLaw:
        serial, ratio, *inner = np.exp(x).tolist()
        return CuttingLaw(serial, ratio, {run.width: each for run, each in zip(runs, inner, strict=True)})

    start = np.log([16.0, 0.6, *[10.0] * len(runs)])
    return law(least_squares(lambda x: [law(x).error(run, n) for run in runs for n in fitted], start).x)


def cutting_card() -> str:
    """Return the card of cutting on QPUs."""
    runs = cutting_runs()
    law = cutting_fit(runs, FITTED_QPUS)
    print(f"cutting: {law}")
    return text(
        "circuit cutting of 30 qubits on one to four simulated QPUs, one task a part",
        "totals on one and four QPUs; two and three held out",
        f"{MINI_APPS}, circuit_cutting_dreamer/data (0bb9dbc), EfficientSU2 with two blocks, 1,000 samples",
        "MIT; facts only",
        SCRIPT,
        [
            entry("serial", law.serial_s, "s", None, "all but finding cuts, tasks and reconstruction"),
            entry("end_ratio", law.end_ratio, "1", None, "a part at the end of the line over one inside"),
            entry("widths", [float(run.width) for run in runs], "qubits"),
            entry("part", list(law.inner_s.values()), "s", None, "task of an inner part, by width"),
        ],
    )


def fragments_fit(chunks: dict[int, np.ndarray], runs: dict[str, dict[int, float]]) -> tuple[float, float, float]:
    """Return seconds to prepare a fragment, to run one of 29 qubits, and to start a worker.

    A worker's start shows only on demand: there it comes before each fragment, in a batch once.
    """
    batched, single = runs["BATCHED"], runs["ONDEMAND"]
    prepare = run = worker = 1.0
    for _ in range(50):
        rows, seconds = [], []
        for n in FITTED_GPUS:
            counts = chunks[n]
            work = counts @ np.array([prepare, prepare, NARROW * run, run])
            last = counts[int(work.argmax())]
            rows.append([last[0] + last[1], NARROW * last[2] + last[3]])
            seconds.append(batched[n] - worker)
        (prepare, run), _ = nnls(np.array(rows) / np.array(seconds)[:, None], np.ones(len(rows)))
        n_27, n_29 = chunks[FITTED_GPUS[-1]][:, :2].sum(axis=0)
        each = single[FITTED_GPUS[-1]] * FITTED_GPUS[-1] / N_FRAGMENTS
        worker = each - prepare - run * (NARROW * n_27 + n_29) / N_FRAGMENTS
    return float(prepare), float(run), float(worker)


def fragments_card() -> str:
    """Return the card of the fragments."""
    prepare, run, worker = fragments_fit(fragment_chunks(), fragment_runs())
    print(f"fragments: prepare {prepare:.4g} s, run {run:.4g} s, worker {worker:.4g} s")
    return text(
        "fragments of a cut QAOA circuit of 79 qubits on A100 GPUs under Ray",
        "batched on 8 and 64 GPUs, on demand on 64; the other eleven runs held out",
        "https://github.com/PennyLaneAI/lightning-on-hpc (dd03791), arXiv:2403.02512, Perlmutter",
        "facts only",
        SCRIPT,
        [
            entry("prepare", prepare, "s", None, "each fragment, on its GPU's process, run or not"),
            entry("run_29", run, "s", None, "each different fragment of 29 qubits"),
            entry("narrow", NARROW, "1", 0, "one of 27 qubits over that: the size of its state", "assumption"),
            entry("worker", worker, "s", None, "start of a process; Ray ends it after each task with a GPU"),
        ],
    )


def main() -> None:
    """Print the numbers; write the cards if asked to."""
    for name, card in (("cutting_qpus", cutting_card()), ("fragments", fragments_card())):
        if "--write" in sys.argv:
            (HERE / "applications").mkdir(exist_ok=True)
            (HERE / "applications" / f"{name}.yaml").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
