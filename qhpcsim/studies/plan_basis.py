"""What a plan rests on: its machine, and the rules and calibration cards that a run of it uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from qhpcsim.core.cards import Card, cards_read
from qhpcsim.core.registry import entries
from qhpcsim.models.stated_errors import card_name, stated_errors
from qhpcsim.results.result import Result
from qhpcsim.scenario import Scenario
from qhpcsim.simulation import NO_JOBS, ONE_PARTITION, simulate
from qhpcsim.studies.plan_cards import is_copy

if TYPE_CHECKING:
    from qhpcsim.studies.plan import Plan
    from qhpcsim.studies.plan_runs import Runner


def basis(answer: Plan, runner: Runner) -> dict[str, Any]:
    """Return what the plan rests on or, where none was found, the dearest point that was run.

    One more run tells: only the run knows which cards its jobs need. ``problem`` says why it gave nothing.
    """
    point = _point(answer)
    found = runner.call(used, answer.space.scenario(point, answer.space.base.seed))
    if found.ok:
        return {"choices": answer.space.choices(point), **found.value}
    return {"choices": answer.space.choices(point), "problem": f"{found.reason}: {found.error}"}


def _point(answer: Plan) -> int:
    if answer.best is not None:
        return answer.best.point
    return answer.shown[-1].point if answer.shown else answer.space.n - 1


def used(scenario: Scenario) -> dict[str, Any]:
    """Return machine, rules and cards of one run as JSON can hold them; runs in a worker."""
    with cards_read() as read:
        result = simulate(scenario)
    return {
        "partitions": _partitions(result),
        "qpus": _qpus(result),
        "rules": [_rule(kind, name) for kind, name in dict.fromkeys(_named(result))],
        "cards": [_card(each) for each in read.values()],
    }


def _partitions(result: Result) -> list[dict[str, Any]]:
    """Return the partitions of the facility; tokens that a coupling adds are none of them."""
    own = result.scenario.facility.partitions or (ONE_PARTITION,)
    return [
        {"name": name, "nodes": part.nodes, "cores_per_node": part.cores_per_node}
        | {"gpus_per_node": part.gpus_per_node, "gpu_type": part.gpu_type}
        for name, part in result.partitions.items()
        if name in own
    ]


def _qpus(result: Result) -> list[dict[str, Any]]:
    """Return the kinds of QPUs with their numbers."""
    scenario = result.scenario
    qpus = scenario.qpu.qpus if result.qpu is None else result.qpu.service.qpus
    kinds: dict[str, dict[str, Any]] = {}
    for name, device in qpus.items():
        if is_copy(name, scenario):
            kinds[name.rpartition("-")[0]]["count"] += 1
        else:
            kinds[name] = {"name": name, "card": device.card, "count": 1}
    return list(kinds.values())


def _named(result: Result) -> Iterator[tuple[str, str]]:
    """Yield kind and name of the registered rules that the run followed."""
    scenario = result.scenario
    if result.partitions:
        yield "policy", scenario.policy.name
        yield "order", scenario.policy.order
    if result.hybrid is not None:
        yield "coupling", scenario.coupling.name
    if result.qpu is not None and result.qpu.service.access == "queue":
        yield "discipline", scenario.qpu.discipline.name
        if len(result.qpu.service.qpus) > 1:
            yield "qpu_choice", scenario.qpu.choice.name
    for kind, source in (("generator", scenario.workload.source), ("qpu_generator", scenario.qpu_workload.source)):
        if source in entries(kind) and source != NO_JOBS:  # a trace is a file, listed among the inputs
            yield kind, source
    if result.workflows is not None:
        yield "binding", scenario.middleware.binding.name
        for motif in sorted({each.motif for each in result.workflows.applications}):
            yield "motif", motif


def _rule(kind: str, name: str) -> dict[str, str]:
    entry = entries(kind).get(name)
    about = {"summary": "", "source": ""} if entry is None else {"summary": entry.summary, "source": entry.source}
    return {"kind": kind, "name": name, **about}


def _card(found: Card) -> dict[str, Any]:
    numbers = list(found.entries.values())
    sources = [entry.source for entry in numbers]
    return {
        "name": card_name(found),
        "about": found.about,
        "errors": [each.text for each in stated_errors(found)],
        "n_entries": len(numbers),
        "n_with_uncertainty": sum(entry.uncertainty is not None for entry in numbers),
        "n_assumed": sum("assumption" in entry.method for entry in numbers),
        "source": _most(sources),
        "date": max(entry.date for entry in numbers).isoformat(),
    }


def _most(texts: Sequence[str]) -> str:
    return max(texts, key=texts.count)
