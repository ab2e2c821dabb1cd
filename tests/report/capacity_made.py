"""Folders as a plan leaves them, made by hand: every outcome without a simulation."""

import copy
import csv
import json

NODES, QPUS = "facility.nodes", "qpu.qpus.qpu.count"
WAIT, BUSY = "mean_wait_s", "qpu_utilisation"
HEAD = (NODES, QPUS, "objective", "capital", "per_year", "energy_mwh", "verdict", "why", "n", WAIT, BUSY)
HEAD = (*HEAD, *(f"{figure}{end}" for figure in (WAIT, BUSY) for end in ("_low", "_high")))
PLAN = {"choices": {NODES: "5", QPUS: "2"}, "objective": 120.0, "capital": 120.0, "per_year": 0.0, "energy_mwh": 0.0}
ANSWER = {
    "question": "How many?",
    "scenario": "hybrid_loop",
    "change": ["workload.n_jobs=8"],
    "objective": "capital",
    "unit": "kEUR",
    "plan": PLAN,
    "certain": True,
    "constraints": [
        {"figure": WAIT, "below": 600.0, "confidence": 0.95, "mean": 412.0, "bound": 498.0, "margin": 102.0, "n": 40},
        {"figure": BUSY, "above": 0.5, "confidence": 0.9, "mean": 0.61, "bound": 0.55, "margin": 0.05, "n": 40},
    ],
    "unserved": {},
    "cheaper_open": [],
    "cheaper_untested": 0,
    "budget_spent": False,
    "search": "exact",
    "n_points": 24,
    "n_runs_search": 60,
    "n_runs": 90,
    "n_runs_exhaustive": 960,
    "frontier": [{"choices": {NODES: "4", QPUS: "2"}}, {"choices": {NODES: "5", QPUS: "2"}}],
    "growth": [],
    "uncertain": None,
    "sentences": ["The cheapest plan found is this; 60 runs.", "A second sentence."],
    "decide": [
        {"key": NODES, "values": ["3", "4", "5", "6"], "capital": [30.0, 40.0, 50.0, 60.0]}
        | {"per_year": [0.0] * 4, "power_w": [0.0] * 4, "energy_mwh": [0.0] * 4},
        {"key": QPUS, "values": ["1", "2"], "capital": [35.0, 70.0], "per_year": [0.0] * 2}
        | {"power_w": [0.0] * 2, "energy_mwh": [0.0] * 2},
    ],
    "weights": {"capital": 1.0},
    "currency": "kEUR",
    "seeds": {"first": 1, "min": 5, "max": 40, "confirm": 40},
    "budget": 5000,
    "rejected": "forbidden",
    "made_for": {"batch": 10},
    "study": {"name": "study.yaml", "text": "scenario: hybrid_loop\n"},
    "inputs": {},
    "plugins": [],
    "version": "9.9.9",
    "code": "0123456789abcdef",
    "basis": {
        "choices": PLAN["choices"],
        "partitions": [
            {"name": "batch", "nodes": 5, "cores_per_node": 1, "gpus_per_node": 0, "gpu_type": ""},
            {"name": "big", "nodes": 1000, "cores_per_node": 64, "gpus_per_node": 4, "gpu_type": "a100"},
        ],
        "qpus": [{"name": "qpu", "card": "abstract", "count": 2}, {"name": "garnet", "card": "iqm_garnet", "count": 1}],
        "rules": [{"kind": "policy", "name": "easy", "summary": "backfilling", "source": "Lifka 1995"}],
        "cards": [
            {"name": "qpu/a", "about": "a QPU", "errors": [], "n_entries": 9, "n_with_uncertainty": 4}
            | {"n_assumed": 2, "source": "a paper", "date": "2026-01-01"},
            {"name": "gpu/b", "about": "a GPU", "errors": ["error 2.2 % (held out: even n)"], "n_entries": 5}
            | {"n_with_uncertainty": 5, "n_assumed": 0, "source": "a file", "date": "2026-01-02"},
        ],
    },
}
ROWS = (
    ("3", "2", 100.0, "fails", WAIT, 5, 900.0, 0.8, 800.0, 1000.0, 0.7, 0.9),
    ("4", "2", 110.0, "open", WAIT, 40, 610.0, 0.7, 590.0, 640.0, 0.6, 0.8),
    ("5", "2", 120.0, "meets", "", 40, 412.0, 0.61, 330.0, 500.0, 0.54, 0.66),
    ("6", "2", 130.0, "looked at", "", 5, 400.0, 0.5, 100.0, 700.0, 0.3, 0.7),
    ("3", "1", 65.0, "fails", "fewer nodes than a point that fails", 0, "", "", "", "", "", ""),
)
"""Choices, cost, verdict, why, seeds, means, ends of the intervals; the last one was proven without a run."""


def answer(**changes):
    """Return ``plan.json`` with other values under some keys."""
    return copy.deepcopy(ANSWER) | changes


def growth():
    """Return the section of ``growth``: met, failed, and without a result."""
    return [
        {"factor": 1.25, "verdicts": ["meets", "open"], "means": [500.0, 0.5], "low": [450.0, 0.4]}
        | {"high": [550.0, 0.6], "n": [40, 40], "problem": ""},
        {"factor": 1.5, "verdicts": ["open", "open"], "means": [None, None], "low": [None, None]}
        | {"high": [None, None], "n": [0, 0], "problem": "seed 3: no room"},
    ]  # fmt: skip


def uncertain():
    """Return the section of ``uncertain``, one draw without a result."""
    means = [[400.0, 700.0, None], [0.6, 0.6, 0.6]]
    return {"drawn": ["workload.load"], "met_frac": [1 / 3, 1.0], "means": means, "n_seeds": 3, "problem": ""}


def nothing_found(**changes):
    """Return ``plan.json`` of a search that found nothing."""
    met = ("mean", "bound", "margin", "n")
    asked = [{key: row[key] for key in row if key not in met} for row in ANSWER["constraints"]]
    none = {"plan": None, "certain": False, "constraints": asked, "frontier": []}
    none["sentences"] = ["No plan was found: every point is shown to fail a constraint; 60 runs."]
    return answer(**none, **changes)


def write(folder, made=None, rows=ROWS):
    """Write both files into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(made or answer()), encoding="utf-8")
    with (folder / "points.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for row in rows:
            choices, cost, rest = row[:2], row[2], row[3:]
            writer.writerow([*choices, cost, cost, 0.0, 0.0, *rest])
    return folder
