"""Runs studies anew, each in a copy of its folder, and says whether the numbers of its expected.json come out again.

``python experiments/reproduce.py`` runs all, with names such as ``04 07`` those that begin so. What a study wrote, and
its output in ``run.log``, is left under ``build/experiments``. A study that cannot do a part (data that are not here)
prints a line ``not run: …`` and leaves that part's numbers out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "experiments"
NOT_RUN = "not run: "


class Outcome(NamedTuple):
    """What became of one study."""

    n_numbers: int
    """Of expected.json, compared."""
    drifted: tuple[str, ...]
    """In words: which number, by how much."""
    not_run: tuple[str, ...]
    """Parts that the study left out, and why."""
    failed: str = ""
    """Why there is no result; empty: there is one."""

    @property
    def line(self) -> str:
        """In one line."""
        left_out = "".join(f"; {NOT_RUN}{part}" for part in self.not_run)
        if self.failed:
            return f"FAILED: {self.failed}{left_out}"
        if self.drifted:
            return f"DRIFTED: {'; '.join(self.drifted)}{left_out}"
        return f"reproduced, {self.n_numbers} numbers{left_out}" if self.n_numbers else left_out.removeprefix("; ")


def expected(study: Path) -> dict[str, dict[str, float | str]]:
    """Return the headline numbers: value, tolerance (absolute), and as what the README quotes them."""
    return json.loads((study / "expected.json").read_text(encoding="utf-8"))


def drifted(wanted: Mapping[str, Mapping[str, float | str]], found: Mapping[str, float]) -> tuple[str, ...]:
    """Return the numbers that are missing or off by more than their tolerance, in words."""
    words = []
    for name, row in wanted.items():
        value, tolerance = float(row["value"]), float(row["tolerance"])
        if name not in found:
            words.append(f"{name!r} is missing")
        elif not abs(found[name] - value) <= tolerance:
            words.append(f"{name!r} is {found[name]:g}, expected {value:g} ± {tolerance:g}")
    return tuple(words)


def reproduce(study: Path, folder: Path) -> Outcome:
    """Run a study in a copy of its folder and return what became of it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(study, folder, ignore=shutil.ignore_patterns("__pycache__", "results.json"))
    log = folder / "run.log"
    with log.open("w", encoding="utf-8") as out:
        code = subprocess.run(
            [sys.executable, "study.py"], cwd=folder, stdout=out, stderr=subprocess.STDOUT, check=False
        ).returncode
    said = log.read_text(encoding="utf-8").splitlines()
    not_run = tuple(line.removeprefix(NOT_RUN) for line in said if line.startswith(NOT_RUN))
    if code:
        last = next((line for line in reversed(said) if line.strip()), "")
        return Outcome(0, (), not_run, f"exit code {code}, {last} ({log})")
    try:
        found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Outcome(0, (), not_run, "" if not_run else f"no results.json ({log})")
    wanted = expected(study)
    if not_run:
        wanted = {name: row for name, row in wanted.items() if name in found}
    return Outcome(len(wanted), drifted(wanted, found), not_run)


def main(names: Sequence[str], experiments: Path = HERE, build: Path = BUILD) -> int:
    """Run the studies whose folders begin with one of the names, all if there are none, and return the exit code."""
    studies = sorted(path.parent for path in experiments.glob("*/study.py"))
    chosen = [study for study in studies if not names or study.name.startswith(tuple(names))]
    begun_s, wrong = time.monotonic(), 0
    for study in chosen:
        since_s = time.monotonic()
        outcome = reproduce(study, build / study.name)
        wrong += bool(outcome.failed or outcome.drifted)
        print(f"{study.name}: {outcome.line} ({time.monotonic() - since_s:.0f} s)", flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)} studies as expected, {time.monotonic() - begun_s:.0f} s in all")
    return 1 if wrong or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
