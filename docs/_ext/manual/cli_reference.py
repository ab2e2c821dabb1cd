"""The page of commands: what ``qhpcsim VERB --help`` prints, for every verb."""

from __future__ import annotations

import os
from unittest import mock

from qhpcsim.cli import VERBS, parser_of


def command_line() -> str:
    """Return a section for each verb."""
    with mock.patch.dict(os.environ, {"COLUMNS": "100", "NO_COLOR": "1"}):
        return "\n\n".join(f"## {verb}\n\n```text\n{parser_of(verb).format_help().strip()}\n```" for verb in VERBS)
