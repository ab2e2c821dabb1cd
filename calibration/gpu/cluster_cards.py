"""The cards of GPU clusters and the table of held-out errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from fit_gpu_cards import A100, H100, held_out, interval, qulacs
from gpu_card_text import ASSUMED, entry, text

from qhpcsim.models.gpu_cluster import GpuCluster
from qhpcsim.models.statevector import Z_90

HERE = Path(__file__).parent
SCRIPT = "calibration/gpu/fit_clusters.py"
ATLAS = "https://github.com/quantum-compiler/atlas-artifact (dd1b686), cuQuantum cusvaer 23.03, eleven circuits"
LIGHTNING = "https://github.com/PennyLaneAI/lightning-on-hpc (dd03791), arXiv 2403.02512, Lightning-GPU 0.34 with MPI"
MINI_APP = (
    "https://github.com/radical-cybertools/quantum-mini-apps (e8694a9), distributed state vector, "
    "qma_dist_mem_no_jacobian_results.csv"
)


@dataclass(frozen=True)
class Page:
    """What a card says beside its numbers."""

    about: str
    source: str
    method: str = "fit to published runs, least squares of the logarithm, robust"


PAGES = {
    "cusvaer": Page("Perlmutter, nodes of 4 A100, Slingshot 11; cuStateVec behind Qiskit (cusvaer)", ATLAS),
    "lightning": Page("Perlmutter, nodes of 4 A100 80 GB; PennyLane Lightning-GPU 0.34, swaps put back", LIGHTNING),
    "lightning_mini_app": Page(
        "Perlmutter, nodes of 4 A100 80 GB; newer Lightning-GPU in a mini-app, start-up included", MINI_APP
    ),
}
DERIVED = {
    "dgx_h100": ("DGX H100, 8 GPUs a node, NVLink 900 GB/s, NIC of 400 Gb/s a GPU", 900 / 600, 400 / 200),
    "dgx_b200": ("DGX B200, 8 GPUs a node, NVLink 1800 GB/s, NIC of 400 Gb/s a GPU", 1800 / 600, 400 / 200),
}
"""Card -> (what it is, ratio of the links in a node, ratio of the NICs, both to Perlmutter's)."""
DERIVED_SIGMA = 0.3


def sigma(errors: np.ndarray) -> float:
    """Return the log standard deviation whose 90 % interval holds 90 % of the held-out runs."""
    return float(np.quantile(np.abs(np.log1p(errors)), 0.9) / Z_90)


def write_all(results: list[Any], alone: dict[str, np.ndarray]) -> None:
    """Write the cards of all studies, those derived from cusvaer's, and fit.md.

    Args:
        results: (study, fitted cluster, held-out errors by group) of cusvaer, Lightning and the mini-app.
        alone: Errors on one GPU, by the card that predicts them.
    """
    folder = HERE.parent / "clusters"
    for study, cluster, errors in results:
        flat = np.concatenate(list(errors.values()))
        page, spread = PAGES[study.name], sigma(flat)
        name = f"perlmutter_{study.name}"
        (folder / f"{name}.yaml").write_text(card_text(page, replace(cluster, sigma=spread), flat), encoding="utf-8")
        print(f"wrote {name}.yaml")
    base, spread = results[0][1], sigma(np.concatenate(list(results[0][2].values())))
    for name, (about, inside, between) in DERIVED.items():
        links = replace(
            base,
            n_devices_per_node=8,
            inside_bytes_s=base.inside_bytes_s * inside,
            between_bytes_s=base.between_bytes_s * between,
            sigma=float(np.hypot(spread, DERIVED_SIGMA)),
        )
        method = f"derived from card perlmutter_cusvaer, bandwidths times {inside:g} and {between:g}; not measured"
        (folder / f"{name}.yaml").write_text(card_text(Page(about, ATLAS, method), links, None), encoding="utf-8")
        print(f"wrote {name}.yaml")
    (HERE / "fit.md").write_text("\n".join(_table(results, alone)), encoding="utf-8")


def card_text(page: Page, c: GpuCluster, errors: np.ndarray | None, script: str = SCRIPT) -> str:
    """Return the card of a cluster; without errors of held-out runs it has no ``fit_error``."""
    none = f'{ASSUMED}, note: "not told apart from the bandwidth at gigabytes a swap"'
    start = "" if c.start_up_s else f'{ASSUMED}, note: "not measured: add your own"'
    lines = [
        entry("n_devices_per_node", c.n_devices_per_node, "devices", 0.0, "method: published"),
        entry("inside_bandwidth", 1e-9 * c.inside_bytes_s, "GB/s", 0.3e-9 * c.inside_bytes_s),
        entry("between_bandwidth", 1e-9 * c.between_bytes_s, "GB/s", 0.1e-9 * c.between_bytes_s),
        entry("exchange_latency", 0.0, "us", None, none),
        entry("swaps_per_need", c.swaps_per_need, "1", 0.0),
        entry("fusion_width", c.fusion_width, "qubits", 0.0),
        entry("fixed", 1e3 * c.fixed_s, "ms", None),
        entry("start_up", c.start_up_s, "s", 0.1 * c.start_up_s if c.start_up_s else None, start),
        entry("start_up_nodes", c.start_up_nodes_s, "s", 0.5 * c.start_up_nodes_s if c.start_up_s else None, start),
        entry("time_factor_sigma", c.sigma, "1", None, 'note: "from held-out runs"'),
    ]
    if errors is not None:
        size = np.abs(errors)
        lines.append(entry("fit_error", float(size.mean()), "1", float(size.std(ddof=1) / len(size) ** 0.5),
                           'note: "held out, mean absolute"'))  # fmt: skip
    return text(
        page.about, page.method, page.source, "none stated; facts only", script, lines, f"exchange: {c.exchange}"
    )


def _row(what: str, held: str, errors: np.ndarray) -> str:
    mean, low, high = interval(errors)
    worst = 100 * np.abs(errors).max()
    return f"| {what} | {held} | {len(errors)} | {mean:.1f} % ({low:.1f} … {high:.1f}) | {worst:.0f} % |"


def _table(results: list[Any], alone: dict[str, np.ndarray]) -> list[str]:
    lines = [HEAD]
    for name, device in (("A100, kernels of Qulacs", A100), ("H100, kernels of Qulacs", H100)):
        for part, errors in held_out(qulacs(device.system), device.cache_mb).items():
            lines.append(_row(f"one {name}, 4 to 25 qubits", f"{part}, fitted on the rest", errors))
    for name, errors in alone.items():
        lines.append(_row(f"one A100, cusvaer, 28 qubits, by card {name}", "all but `fixed`", errors))
    titles = {
        "cusvaer": ("2 to 256 A100, cusvaer, 29 to 36 qubits", "one circuit of eleven"),
        "lightning": ("2 to 512 A100, Lightning-GPU, three layers, 33 to 41 qubits", "one size"),
        "lightning_mini_app": ("4 to 512 A100, mini-app, two layers, with start-up", "one run"),
    }
    for study, _, found in results:
        lines.append(_row(*titles[study.name], np.concatenate(list(found.values()))))
    groups = ", ".join(f"{name} {100 * np.mean(np.abs(part)):.0f} %" for name, part in results[0][2].items())
    return [*lines, "", f"By circuit (cusvaer): {groups}.", "", *_notes(results)]


def _notes(results: list[Any]) -> list[str]:
    from fit_clusters import strong

    (_, first, _), (study, second, _), _ = results
    told = ", ".join(f"{number}: {time_s:.1f} s" for number, time_s in strong(study, second).items())
    inside, between = (
        [1e-9 * getattr(c, name) for c in (first, second)] for name in ("inside_bytes_s", "between_bytes_s")
    )
    return [
        NOTES,
        f"- Links found from different software agree: swaps inside a node {inside[0]:.0f} and {inside[1]:.0f} GB/s,",
        f"  between nodes {between[0]:.1f} and {between[1]:.1f} GB/s.",
        "- Not fitted: 36 qubits, two layers, older Lightning, without start-up, on 32 … 256 GPUs:",
        f"  {told}.",
        "",
    ]


HEAD = """# State vectors on GPUs: held-out errors

Written by fit_clusters.py. Every figure is of rows that were left out of the fit that predicts them; MAPE with its
90 % bootstrap interval over rows. The intervals of the cards are as wide as 90 % of these held-out errors need.

| what | held out | rows | MAPE | worst |
|---|---|---|---|---|"""
NOTES = """## Form

T = t0 + Σ_ops (launch² + (bytes/bandwidth)²)^½ + Σ_swaps half a device's state / bandwidth of the link. Order 2 fits
the fitted halves better than order 4 (1.7 % against 2.0 % on A100, 2.3 % against 3.3 % on H100). The launch is longer
from two blocks of threads on; states inside the cache have its bandwidth.

Gates join in sequence in groups of at most four qubits; with five, the single-GPU times cannot be explained. Swaps
are counted by putting gates off (cusvaer), or gate by gate (Lightning; twice where the qubit is put back).

## Read with care

- The H100 rows do not say SXM or PCIe; see the card. Cards of other devices are derived by the data sheets' ratio of
  memory bandwidths and carry its uncertainty; B200's is the widest.
- The artifact does not say which of its runs had A100 with 40 and which with 80 GB: one-GPU times lie between the two
  cards. The fit of the links uses the 40 GB card.
- qsvm and qpeexact are predicted too fast: cusvaer swaps more often than needed there. wstate on one GPU is predicted
  up to twice too slow: its simulator groups gates across others.
- The mini-app's runs hold about a minute that does not grow with the state (half the state on the same four GPUs takes
  62 of 73 s): taken as start-up. Its newer Lightning swaps each needed qubit once, the older one of the row above
  swaps it back. That choice, once or twice, was made by looking at the slope of these runs.
- The form (order 2, groups of four, swaps counted so) was chosen with these rows in view; only the numbers are blind.
- All runs of Lightning are of one circuit. A model of several GPUs takes the wider interval of its two cards, here the
  device's; no run shows whether that is enough for other circuits.
- Lightning also fetches qubits that only control a gate or take a phase: gradients.md. The two cards above are for
  layers of rotations and CNOT, where that changes the bandwidth only; other circuits need those of gradients.md.
- Adjoint gradients: gradients.md."""
