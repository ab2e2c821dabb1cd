"""What a reader of ``plan.json`` must know beside the answer: the study, its prices, seeds, version, and in words."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.simulation import input_hashes
from qhpcsim.studies.plan_study import HOURS_A_YEAR
from qhpcsim.studies.plan_words import sentences

if TYPE_CHECKING:
    from qhpcsim.studies.plan import Plan


def context(answer: Plan) -> dict[str, Any]:
    """Return the part of ``plan.json`` from which the answer can be explained and made again."""
    study, space = answer.study, answer.space
    return {
        "sentences": sentences(answer),
        "decide": [
            {"key": each.key, "values": list(each.values), "capital": list(each.capital)}
            | {"per_year": list(each.per_year), "power_w": list(each.power_w)}
            | {"energy_mwh": [watts * HOURS_A_YEAR / 1e6 for watts in each.power_w]}
            for each in study.variables
        ],
        "weights": study.objective,
        "currency": study.currency,
        "seeds": {
            "first": space.base.seed, "min": study.seeds.first, "max": study.seeds.most,
            "confirm": study.seeds.confirm,
        },
        "budget": study.budget,
        "rejected": study.rejected,
        "made_for": space.made_for,
        "study": {"name": Path(study.path).name, "text": study.text},
        "inputs": input_hashes(space.base),
        "plugins": [Path(path).name for path in answer.plugins],
        "version": version("qhpcsim"),
        "code": answer.code,
        "basis": answer.basis,
    }  # fmt: skip
