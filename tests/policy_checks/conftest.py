"""Whatever a test registers is gone afterwards."""

from __future__ import annotations

import pytest

from qhpcsim.core.registry import _entries, entries
from qhpcsim.policy_checks.subjects import SUBJECTS


@pytest.fixture(autouse=True)
def _forget_planted():
    before = {kind: dict(entries(kind)) for kind in SUBJECTS}
    yield
    _entries.update(before)
