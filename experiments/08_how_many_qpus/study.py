"""How many QPUs does a centre need? Plans plan.yaml and what it depends on; writes results, figure.png, report.html."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from figure import draw
from rich.progress import track

import qhpcsim

HERE = Path(__file__).parent
ROUND_S, ROUNDS = 240.0, 12
SHARES = (0.1, 0.35, 0.65, 0.9)
"""Share of a round that the QPU call takes."""
COUPLINGS = ("hold", "vqpu", "malleable")
GAP_MIN, BUSIER_MIN = 20, 10
"""Mean gap between hybrid jobs in the plan, and where they come twice as often; the centre is watched as long."""
N_JOBS = 60
MOST_QPUS = 6
NODES, QPUS = "facility.nodes", "qpu.qpus.qpu.count"


class Case(NamedTuple):
    """One plan: what differs from plan.yaml."""

    share: float = 0.35
    coupling: str = "hold"
    gap_min: int = GAP_MIN

    @property
    def qpu_load(self) -> float:
        """QPUs that would be busy all the time if no call ever waited."""
        return self.share * ROUND_S * ROUNDS / (60.0 * self.gap_min)


CASES = [
    *(Case(share, coupling) for coupling in COUPLINGS for share in SHARES),
    *(Case(share, gap_min=BUSIER_MIN) for share in SHARES[:3]),
]
MAIN = Case()


def study(case: Case) -> str:
    """Return the study file of a case: only the plan itself asks for growth and for what is uncertain."""
    text = (HERE / "plan.yaml").read_text(encoding="utf-8")
    lines = {
        "coupling=hold": f"coupling={case.coupling}",
        "n_jobs=60": f"n_jobs={N_JOBS * GAP_MIN // case.gap_min}",
        "gaps.mean_s=20min": f"gaps.mean_s={case.gap_min}min",
        "cpu_phase.mean_s=156": f"cpu_phase.mean_s={ROUND_S * (1 - case.share):g}",
        "qpu_service.mean_s=84": f"qpu_service.mean_s={ROUND_S * case.share:g}",
    }
    for old, new in lines.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text if case == MAIN else text[: text.index("growth:")]


def solved(case: Case, folder: Path) -> dict[str, Any]:
    """Return plan.json of a case; the points and the report of the plan itself are kept."""
    name = "plan" if case == MAIN else f"{case.coupling}-{case.share:g}-{case.gap_min}"
    path = HERE / "plan.yaml" if case == MAIN else folder / f"{name}.yaml"
    if case != MAIN:
        path.write_text(study(case), encoding="utf-8")
    answer = qhpcsim.plan(path, folder / name, qhpcsim.Workers("serial"))  # runs are short, workers start slowly
    found: dict[str, Any] = json.loads((answer.folder / "plan.json").read_text(encoding="utf-8"))
    if case == MAIN:
        shutil.copy(answer.folder / "points.csv", HERE / "points.csv")
        words = [sys.executable, "-m", "qhpcsim", "report", str(answer.folder), "--out", str(HERE / "report.html")]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return found


def row(case: Case, found: dict[str, Any]) -> dict[str, Any]:
    """Return one line of results.csv; a case without a plan has no numbers."""
    plan = found["plan"] or {"choices": {}, "objective": None}
    open_qpus = [int(each["choices"][QPUS]) for each in found["cheaper_open"]]
    assert found["cheaper_untested"] == 0, case
    met = [{name: each.get(name) for name in ("mean", "bound")} for each in found["constraints"]]
    return {
        **case._asdict(),
        "qpu_load": case.qpu_load,
        "nodes": plan["choices"].get(NODES),
        "qpus": plan["choices"].get(QPUS),
        "qpus_at_least": min([*open_qpus, int(plan["choices"].get(QPUS, MOST_QPUS))]),
        "cost_keur_a_year": plan["objective"],
        "certain": found["certain"],
        "n_cheaper_open": len(found["cheaper_open"]),
        "hybrid_min": _minutes(met[0]["mean"]),
        "hybrid_bound_min": _minutes(met[0]["bound"]),
        "wait_min": _minutes(met[1]["mean"]),
        "wait_bound_min": _minutes(met[1]["bound"]),
        "n_runs": found["n_runs"],
    }


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


def headline(table: pd.DataFrame, main: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the numbers that README.md quotes."""
    for each in table.itertuples():
        where = f"{each.coupling}, QPU share {each.share:g}, {60 / each.gap_min:g} hybrid jobs an hour"
        yield f"{where}: QPUs", float(each.qpus)
        yield f"{where}: QPUs at least, fewer are shown to fail", float(each.qpus_at_least)
        yield f"{where}: nodes", float(each.nodes)
    yield "plan: kEUR a year", main["plan"]["objective"]
    for name, demand in zip(("hybrid jobs take", "jobs wait"), main["constraints"], strict=True):
        yield f"plan: {name}, min", demand["mean"] / 60
        yield f"plan: {name} surely below, min", demand["bound"] / 60
    for grown in main["growth"]:
        for name, mean in zip(("hybrid jobs take", "jobs wait"), grown["means"], strict=True):
            yield f"plan, load × {grown['factor']:g}: {name}, min", mean / 60
        yield f"plan, load × {grown['factor']:g}: constraints that fail", grown["verdicts"].count("fails")
    yield "plan: share of draws within both limits", min(main["uncertain"]["met_frac"])


def main() -> None:
    """Run the study."""
    with tempfile.TemporaryDirectory() as scratch:
        every = {case: solved(case, Path(scratch)) for case in track(CASES, "planning")}
    table = pd.DataFrame([row(case, found) for case, found in every.items()])
    table = table.astype({"nodes": float, "qpus": float})
    table.to_csv(HERE / "results.csv", index=False, float_format="%.6g")
    draw(table, HERE / "points.csv", HERE / "figure.png")
    answers = {name: float(f"{value:.4g}") for name, value in headline(table, every[MAIN])}
    (HERE / "results.json").write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(answers, indent=2))


if __name__ == "__main__":
    main()
