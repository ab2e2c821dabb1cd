"""Users: as unequal and as bursty as asked."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.rng import Rng
from qhpcsim.workloads.users import Users, assign

N = 200_000
DENSE = np.arange(N) * 10.0


def test_activity_is_zipf_like() -> None:
    code = assign(Users(20, zipf_exponent=1.0, session_jobs=1.0), DENSE, Rng(1)).code
    share = np.bincount(code, minlength=20) / N
    wanted = 1 / np.arange(1, 21) / (1 / np.arange(1, 21)).sum()
    assert np.abs(share - wanted).max() < 4 * np.sqrt(0.25 / N) * 2


def test_sessions_have_the_length_asked_for() -> None:
    code = assign(Users(1000, zipf_exponent=0.0, session_jobs=5.0), DENSE, Rng(1)).code
    runs = 1 + np.count_nonzero(np.diff(code))
    assert N / runs == pytest.approx(5.0, rel=0.02)


def test_a_long_pause_ends_a_session() -> None:
    code = assign(Users(1000, zipf_exponent=0.0, session_jobs=1e9), np.arange(2000) * 1201.0, Rng(1)).code
    assert np.count_nonzero(np.diff(code)) > 1900


def test_names_and_edges() -> None:
    users = assign(Users(12), np.zeros(1), Rng(1))
    assert users.names[0] == "user01"
    assert len(users.names) == 12
    assert assign(Users(1), DENSE[:10], Rng(1)).code.tolist() == [0] * 10
    for bad in (Users(0), Users(3, session_jobs=0.5)):
        with pytest.raises(ConfigError, match="users"):
            assign(bad, DENSE, Rng(1))
