"""``whatif.json``, ``futures/NAME/`` and the figure: what a comparison of futures leaves behind."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.core.errors import RunFolderError
from qhpcsim.results.run_folder import CARD
from qhpcsim.studies.whatif_figures import Span

if TYPE_CHECKING:
    from qhpcsim.studies.whatif import WhatIf

ANSWER, FUTURES, FIGURE = "whatif.json", "futures", "futures.svg"


def claim(folder: Path) -> None:
    """Check that a folder may be written into.

    Raises:
        RunFolderError: if it is a file, or holds other things.
    """
    if folder.exists() and not folder.is_dir():
        raise RunFolderError("is a file, not a folder", where=str(folder), hint="choose another --out")
    ours = (folder / ANSWER).is_file() or (folder / FUTURES).is_dir()  # the latter alone: it was cut off
    if folder.is_dir() and any(folder.iterdir()) and not ours:
        raise RunFolderError(
            f"is not empty and holds no {ANSWER}, so it is not ours to replace",
            where=str(folder),
            hint="choose another --out",
        )


def write_whatif(answer: WhatIf) -> None:
    """Write a run folder for each future (under the first seed), the figure, and last ``whatif.json``."""
    from qhpcsim.report.futures_figure import futures_svg

    assert answer.folder is not None
    folder = answer.folder
    (folder / FUTURES).mkdir(parents=True, exist_ok=True)
    (folder / ANSWER).unlink(missing_ok=True)
    for stale in (folder / FUTURES).iterdir():  # of an earlier answer; only what is a run of ours goes
        if (stale / CARD).is_file() and stale.name not in folder_names(answer):
            shutil.rmtree(stale)
    for name, each in zip(folder_names(answer), answer.futures, strict=True):
        each.result.write(folder / FUTURES / name)
    span = answer.spans[0]
    results = [(each.name, each.result) for each in answer.futures]
    (folder / FIGURE).write_text(futures_svg(results, span.at_s, span.window_end_s), encoding="utf-8")
    text = json.dumps(as_json(answer), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / ANSWER).write_text(text + "\n", encoding="utf-8")


def folder_names(answer: WhatIf) -> list[str]:
    """Return a folder's name for each future: unique, safe on any file system."""
    found: list[str] = []
    for each in answer.futures:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", each.name, flags=re.ASCII).strip("-.")[:60] or "future"
        k, unique = 2, name
        while unique in found:
            k, unique = k + 1, f"{name}-{k}"
        found.append(unique)
    return found


def as_json(answer: WhatIf) -> dict[str, Any]:
    """Return an answer as JSON can hold it; times in seconds, None where there is no figure."""
    names = folder_names(answer)
    first = answer.futures[0].result
    return {
        "source": answer.source,
        "scenario": first.scenario.name,
        "policy": first.scenario.policy.name,
        "at_s": answer.at_s,
        **_times(answer.spans[0]),
        "seeds": list(answer.seeds),
        "deterministic": answer.is_trace,
        "leading": answer.leading,
        "best": answer.best.name,
        "futures": [
            {
                "name": each.name,
                "folder": None if answer.folder is None else f"{FUTURES}/{name}",
                "changes": [_told(change) for change in each.changes],
                "n_lost": answer.n_lost(each),
                "figures": each.figures,
                "by_seed": each.by_seed if len(answer.seeds) > 1 else None,
            }
            for name, each in zip(names, answer.futures, strict=True)
        ],
        "differences": [
            {key: _finite(value) for key, value in dataclasses.asdict(each).items()} for each in answer.differences
        ],
    }


def _times(span: Span) -> dict[str, Any]:
    return {
        "at_simulated_s": span.at_s,
        "until_simulated_s": _finite(span.until_s),
        "utilisation_until_simulated_s": span.window_end_s,
    }


def _told(change: object) -> dict[str, Any]:
    """Return what of a change says something."""
    assert dataclasses.is_dataclass(change) and not isinstance(change, type)
    values = dataclasses.asdict(change)
    return {key: value for key, value in values.items() if key == "at_s" or value not in (0, "", None, {})}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
