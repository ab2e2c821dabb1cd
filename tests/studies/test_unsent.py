"""A run whose scenario cannot be sent to a worker is recorded as failed, with the reason."""

from __future__ import annotations

from qhpcsim.core.registry import _entries, register
from qhpcsim.policies.batch.params import FcfsPolicy
from qhpcsim.studies.simulating import Workers
from qhpcsim.studies.sweep import sweep


def test_a_policy_that_cannot_be_pickled_fails_in_words(tmp_path):
    class Local(FcfsPolicy):
        """Known in this function only."""

    register("policy", "local", summary="x", source="user", params=Local)(Local)
    try:
        jobs = ["workload=lublin", "workload.n_jobs=5", "facility.nodes=64"]
        found = sweep("replay", [*jobs, "policy=local,fcfs"], 1, tmp_path / "s", Workers("processes", 1))
    finally:
        del _entries["policy"]["local"]
    ((_, error),) = found.failed
    assert "pickle" in error
    assert len(found.rows) == 1
