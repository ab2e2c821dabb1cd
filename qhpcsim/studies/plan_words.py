"""A plan in sentences: the answer, how sure it is, and what cannot be concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qhpcsim.core.wording import number

if TYPE_CHECKING:
    from qhpcsim.studies.plan import Plan

_MOST_OPEN = 3


def sentences(answer: Plan) -> list[str]:
    """Return the answer, how sure it is, and what cannot be concluded."""
    best = answer.best
    saved = f"{answer.n_search:,} runs searched {answer.space.n:,} points"
    share = f"{100 * answer.n_search / answer.n_exhaustive:.1f} % of all points under {answer.study.seeds.most} seeds"
    if best is None:
        texts = [f"No plan was found: {_why_none(answer)}; {saved}."]
    else:
        cost = cost_text(answer, answer.space.price(best.point).objective)
        is_cheapest = answer.space.objective[best.point] <= answer.space.objective.min()
        sure = "; no point is cheaper" if is_cheapest else "; every cheaper point is shown to fail"
        sure = sure if answer.certain else ""
        texts = [f"The cheapest plan found is {answer.space.name(best.point)} at {cost}{sure}; {saved}, {share}."]
    texts += [_as_dear(answer, each.point) for each in answer.as_dear]
    if answer.unserved:
        counts = ", ".join(f"{name} {number(value)}" for name, value in answer.unserved.items())
        texts.append(f"Not all jobs end well under the plan; a run has on average {counts}.")
    texts += _left_open(answer)
    if impossible := answer.found.impossible:
        first = f"{answer.space.name(impossible[0].point)}: {impossible[0].why}"
        n_points = f"{len(impossible):,} point" + ("s" if len(impossible) > 1 else "")
        texts.append(f"{n_points} cannot run these jobs; the first, {first}.")
    texts += _of_growth(answer)
    texts += _of_uncertain(answer)
    if answer.space.made_for:
        sizes = ", ".join(f"{name}={nodes}" for name, nodes in answer.space.made_for.items())
        texts.append(f"All points get the same jobs: those generated for {sizes} nodes.")
    texts.append("Prices and watts are those of the study file; the intervals speak of chance, not of the models.")
    return texts


def cost_text(answer: Plan, value: float) -> str:
    """Return a value of the objective with its unit."""
    return f"{number(value)} {answer.study.unit}".strip()


def _why_none(answer: Plan) -> str:
    if answer.found.spent:
        return f"the budget of {answer.study.budget:,} runs was spent"
    if answer.open:
        return "no point could be shown to meet all constraints"
    if answer.found.untested:
        return "none of those proposed meets all constraints"
    return "every point is shown to fail a constraint"


def _as_dear(answer: Plan, point: int) -> str:
    leading = answer.study.constraints[0].figure
    return f"{answer.space.name(point)} costs the same and seems better in {leading}; compare tells whether it is."


def _left_open(answer: Plan) -> list[str]:
    texts = []
    for each in answer.open[:_MOST_OPEN]:
        cost = cost_text(answer, float(answer.space.objective[each.point]))
        why = f"whether it meets {each.why} is not decided" if each.limits else each.why
        texts.append(f"Cannot be concluded: {answer.space.name(each.point)} at {cost}: {why}.")
    if len(answer.open) > _MOST_OPEN:
        texts.append(f"{len(answer.open) - _MOST_OPEN:,} more cheaper points are not decided; see points.csv.")
    if answer.found.untested:
        than = "cheaper " if answer.best is not None else ""
        texts.append(f"{answer.found.untested:,} {than}points were not tried.")
    return texts


def _of_growth(answer: Plan) -> list[str]:
    if not answer.growth:
        return []
    if problem := next((each.problem for each in answer.growth if each.problem), ""):
        return [f"Under more load, runs have no result: {problem}."]
    good = [each.factor for each in answer.growth if set(each.verdicts) == {"meets"}]
    bad = [each.factor for each in answer.growth if "fails" in each.verdicts]
    texts = []
    if good:
        texts.append(f"The plan still meets all constraints at {100 * (max(good) - 1):+g} % load.")
    if bad:
        texts.append(f"It fails at {100 * (min(bad) - 1):+g} % load.")
    return texts or ["Whether the plan holds under more load is not decided."]


def _of_uncertain(answer: Plan) -> list[str]:
    found = answer.uncertain
    if found is None:
        return []
    if found.problem:
        return [f"Under draws of what is uncertain, runs have no result: {found.problem}."]
    least = min(range(len(found.met)), key=lambda k: found.met[k])
    n = len(found.means[least])
    figure = answer.study.constraints[least].figure
    names = f"{len(found.names)} unknown" + ("s" if len(found.names) > 1 else "")
    return [
        f"With {names} drawn at random, {round(found.met[least] * n)} of {n} draws keep {figure} within its limit; "
        "only QPU cards and the keys named are drawn, the other models stay as they are."
    ]
