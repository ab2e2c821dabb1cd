"""Pages may say ``<!-- generated: NAME words -->``: there stands, once they are built, what NAME makes of the code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from manual.answers import answers
from manual.api_reference import api
from manual.card_reference import card_list
from manual.cli_reference import command_line
from manual.registry_reference import registry
from manual.scenario_reference import scenario_keys
from manual.validated import validated

MAKERS: dict[str, Callable[..., str]] = {
    "answers": answers,
    "api": api,
    "cards": card_list,
    "command_line": command_line,
    "registry": registry,
    "scenario_keys": scenario_keys,
    "validated": validated,
}
"""Name -> function of the words behind it that returns Markdown."""
MARK = re.compile(r"^<!-- generated: (\w+)((?: \w+)*) -->$", re.MULTILINE)
_ELSEWHERE = re.compile(r"(?<!!)\[([^\]]+)\]\((?:\.\./)+((?:calibration|experiments)/[^)]*\.md)\)")
"""Links to texts of the project that are no pages."""


def filled(page: str) -> str:
    """Return a page with its generated parts; a text that is no page is named by its path."""
    whole = MARK.sub(lambda mark: MAKERS[mark[1]](*mark[2].split()), page)
    return _ELSEWHERE.sub(lambda link: f"`{link[2]}`" if link[1] == link[2] else f"{link[1]} (`{link[2]}`)", whole)


def fill(app: Any, name: str, source: list[str]) -> None:
    """Fill in a page as Sphinx reads it."""
    source[0] = filled(source[0])


def outdated(app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Return the pages with generated parts: what they are made of is not among the files that Sphinx watches."""
    return [name for name in env.found_docs if MARK.search(env.doc2path(name).read_text(encoding="utf-8"))]


def setup(app: Any) -> dict[str, bool]:
    """Connect to the reading of pages."""
    app.connect("source-read", fill)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
