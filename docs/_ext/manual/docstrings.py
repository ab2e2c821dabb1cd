"""What the docstrings of the code say: sections of a class or function, and words under the fields of a dataclass."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from functools import cache
from typing import Any

SECTIONS = ("Model", "Assumes", "Not modelled", "Source")
"""Sections that models and policies have beside the usual ones."""
_HEAD = re.compile(r"^(Model|Assumes|Not modelled|Source|Args|Returns|Yields|Raises):[ \t]*(.*)$")


def sections(target: Any) -> dict[str, str]:
    """Return the first paragraphs under ``""`` and the text of each section of ``SECTIONS`` that is there."""
    found: dict[str, list[str]] = {"": []}
    name = ""
    for line in (_docstring(target) or "").splitlines():
        if head := _HEAD.match(line):
            name = head[1]
            found[name] = [head[2]]
        else:
            found[name].append(line.strip())
    return {name: " ".join(" ".join(lines).split()) for name, lines in found.items() if name in ("", *SECTIONS)}


def _docstring(target: Any) -> str | None:
    """Return what was written, not what ``dataclass`` makes up."""
    written = inspect.getdoc(target)
    return None if written and written.startswith(f"{getattr(target, '__name__', '')}(") else written


@cache
def field_docs(kind: type) -> dict[str, str]:
    """Return the text under each field of a dataclass, its bases included."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each.__module__.startswith("qhpcsim"):
            found |= _own_docs(each)
    return found


def _own_docs(kind: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for here, after in zip(body.body, body.body[1:], strict=False):
        if not isinstance(here, ast.AnnAssign) or not isinstance(here.target, ast.Name):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            found[here.target.id] = inspect.cleandoc(after.value.value)
    return found
