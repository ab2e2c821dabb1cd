"""A user's policy: a function over a read-only view, held to its contract."""

import pickle

import numpy as np
import pytest

from qhpcsim.core.errors import PluginError
from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import lookup
from qhpcsim.policies.batch.user import batch_policy
from qhpcsim.scenario import Policy
from qhpcsim.simulation import simulate_table


@batch_policy("test_narrow_first", summary="fewest nodes first, whoever fits")
def narrow_first(view):
    free = view.free_nodes
    for job in sorted(view.waiting, key=lambda job: (job.nodes, job.index)):
        if job.nodes <= free:
            free -= job.nodes
            yield job


@batch_policy("test_greedy", summary="starts everything, fitting or not")
def greedy(view):
    return view.waiting


@batch_policy("test_twice", summary="starts the head twice")
def twice(view):
    return view.waiting[:1] * 2


def jobs(nodes, runtime_s=10.0):
    n = len(nodes)
    return JobTable(
        job_id=np.arange(n),
        submit_s=np.zeros(n),
        runtime_s=np.full(n, runtime_s),
        walltime_s=np.full(n, runtime_s),
        nodes=np.array(nodes, dtype=np.int32),
    )


def test_it_decides():
    policy = lookup("policy", "test_narrow_first").params()
    assert policy.backfill == "test_narrow_first"
    assert simulate_table(jobs([3, 2, 1, 1]), 4, policy).start_s.tolist() == [10, 0, 0, 0]


@pytest.mark.parametrize(("name", "words"), [("test_greedy", "only 1 are free"), ("test_twice", "not waiting")])
def test_breaking_the_contract_is_refused(name, words):
    with pytest.raises(PluginError, match=words):
        simulate_table(jobs([3, 2]), 4, Policy(name=name, backfill=name))


def test_view_shows_expected_ends():
    seen = {}

    @batch_policy("test_looks", summary="looks, then first come first served")
    def looks(view):
        seen[view.now_s] = (view.shadow(4), [end for end, _ in view.running], view.n_nodes)
        return view.waiting[:1] if view.waiting and view.waiting[0].nodes <= view.free_nodes else ()

    simulate_table(jobs([3, 2]), 4, Policy(name="test_looks", backfill="test_looks"))
    assert seen[0.0] == ((0.0, 0), [], 4)
    assert seen[10.0][1] == []


def test_it_travels_to_other_processes_by_its_name():
    policy = lookup("policy", "test_narrow_first").params(depth=3)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert len(pickle.dumps(policy)) < 1000
