"""The check of a placement policy: which alternative a stage takes."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from qhpcsim.core.errors import QhpcsimError, shorten
from qhpcsim.policies.placement.placement import Option, Placement
from qhpcsim.policy_checks.report import Fault
from qhpcsim.policy_checks.shrinking import shrunk, without_some
from qhpcsim.policy_checks.subject import COMMON, Owner, Subject, Verify, Warned, nothing_more
from qhpcsim.scenario import PlacementParams

Options = tuple[Option, ...]
_TRIES = 60
_SHRINK_S = 2.0
_DEVICES = ("qpu", "cut", "gpu:a100_40", "gpu:h100_80", "cpu")


class Placing(Subject):
    """A placement policy, asked about alternatives made at random.

    Args:
        owner: A ``placement``.
    """

    promises = {  # noqa: RUF012
        **COMMON,
        "known": "takes one of the alternatives, one that can be taken",
        "everyone": "takes something wherever something can be taken and all is known",
        "numbers": "ranks are numbers",
    }
    warnings = {"listing": "what is taken does not depend on the order in which alternatives are listed"}  # noqa: RUF012

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        params = self.entry.params
        self._params = params() if params is not None else PlacementParams(self.entry.name)

    def cases(self, draw: np.random.Generator, n: int) -> list[Options]:
        """Return lists of alternatives: single ones, equal ones, impossible and unknown ones."""
        one = Option("qpu", 5.0, 10.0, 0.9, 3.0)
        special = [
            (one,),
            (one, one),
            (one, replace(one, name="cut", why_not="too wide")),
            (replace(one, name="cut", why_not="too wide"), one),
            (one, replace(one, name="gpu:a100_40", run_s=math.inf)),
            (replace(one, fidelity=math.nan), replace(one, name="gpu:a100_40", cost=math.nan)),
        ]
        return special + [_random_options(draw) for _ in range(max(0, n - len(special)))]

    def run(self, case: Options) -> tuple[Any, Verify]:
        """Return what is taken of a list of alternatives."""
        first, again = (self._taken(case) for _ in range(2))
        if first != again:
            raise Fault("same", f"asked twice about the same alternatives, it took {first} and then {again}")
        return first, nothing_more

    def _taken(self, options: Options) -> int | str:
        """Return the index that is taken, or the policy's own error where nothing can be taken or known."""
        made, given = self.entry.target(self._params), list(options)
        try:
            self._check_ranks(made, options)
            made.check(given, "a stage")
            chosen = made.choose(given, "a stage")
        except QhpcsimError as error:
            if _complete(options):
                raise Fault("everyone", f"it took nothing: {shorten(error.message, 120)}") from error
            return error.message
        if repr(given) != repr(list(options)):
            raise Fault("inputs", "it changed the list of alternatives")
        try:
            index = operator.index(chosen)
        except TypeError:
            raise Fault("type", f"choose gave {shorten(repr(chosen), 80)} instead of an index") from None
        if not 0 <= index < len(options):
            raise Fault("known", f"it took alternative {index} of {len(options)} (they count from 0)")
        if options[index].why_not:
            raise Fault("known", f"it took {options[index].name}, which cannot be taken")
        return index

    def _check_ranks(self, made: Any, options: Options) -> None:
        """Raise ``Fault`` for a rank that is no number; policies that choose by other means have none."""
        if not isinstance(made, Placement) or type(made).rank is Placement.rank:
            return
        able = [option for option in options if not option.why_not]
        able = [option for option in able if option.completion_s < math.inf] or able
        for option in able:
            rank = made.rank(option, able)
            if not isinstance(rank, tuple):
                raise Fault("type", f"rank gave {shorten(repr(rank), 80)} instead of a tuple of numbers")
            if any(part != part for part in rank):
                raise Fault("numbers", f"the rank of {option.name} is {rank}")

    def smaller(self, case: Options) -> Iterator[Options]:
        """Yield shorter lists of plainer alternatives."""
        yield from (fewer for fewer in without_some(case) if fewer)
        for k, option in enumerate(case):
            for plain in ({"wait_s": 0.0}, {"run_s": 10.0}, {"fidelity": 1.0}, {"cost": 1.0}, {"why_not": ""}):
                each = replace(option, **plain)
                if repr(each) != repr(option):
                    yield (*case[:k], each, *case[k + 1 :])

    def words(self, case: Options) -> str:
        """Return a list of alternatives in words."""
        told = []
        for option in case:
            why_not = f", cannot be taken: {option.why_not}" if option.why_not else ""
            facts = f"waits {option.wait_s:g} s, runs {option.run_s:g} s, fidelity {option.fidelity:g}"
            told.append(f"{option.name} ({facts}, cost {option.cost:g}{why_not})")
        return ", ".join(told)

    def look_out(self) -> Iterator[Warned]:
        """Yield a warning if the list's order decides although no two alternatives are alike."""
        draw = np.random.default_rng(1)
        for _ in range(_TRIES):
            options = _random_options(draw)
            if self._by_list(options):
                options = shrunk(options, self.smaller, lambda each: bool(self._by_list(each)), _SHRINK_S)
                yield Warned("listing", self._by_list(options), self.words(options))
                return

    def _by_list(self, options: Options) -> str:
        """Return how the list's order decides; empty: it does not."""
        back = options[::-1]
        first, second = self._taken(options), self._taken(back)
        if isinstance(first, str) or isinstance(second, str) or options[first] == back[second]:
            return ""
        return f"it takes {options[first].name}, and {back[second].name} where the same are listed backwards"


def _random_options(draw: np.random.Generator) -> Options:
    made = []
    for k in draw.permutation(len(_DEVICES))[: int(draw.integers(1, len(_DEVICES) + 1))].tolist():
        wait_s, run_s, fidelity, cost = draw.exponential([20.0, 30.0, 1.0, 5.0]).tolist()
        odd = int(draw.integers(0, 12))
        fidelity = math.nan if odd == 0 else min(1.0, fidelity)
        run_s = math.inf if odd == 1 else run_s
        made.append(Option(_DEVICES[k], wait_s, run_s, fidelity, cost, "too wide" if odd == 2 else ""))
    return tuple(made)


def _complete(options: Options) -> bool:
    """Return whether something can be taken and every number is known."""
    known = all(not math.isnan(option.cost) and not math.isnan(option.fidelity) for option in options)
    return known and bool(options) and not options[0].why_not
