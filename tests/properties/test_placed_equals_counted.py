"""On identical whole nodes, rules that place jobs on concrete nodes give the schedules of the rules that count."""

from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.facility.replay import replay
from qhpcsim.scenario import NodeGroup, Partition, Policy
from tests.job_tables import table

MACHINE = 8
jobs = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, MACHINE), st.integers(0, 12), st.integers(1, 12)),
    min_size=1,
    max_size=40,
)
policies = st.builds(
    Policy,
    order=st.sampled_from(["fcfs", "sjf", "largest_first"]),
    backfill=st.sampled_from(["none", "easy", "conservative"]),
    candidates=st.sampled_from(["queue", "sjf"]),
    depth=st.sampled_from([0, 0, 3]),
)
LIKE = Partition(nodes=MACHINE, groups={"a": NodeGroup(5, switch="s"), "b": NodeGroup(3, switch="t")})
"""Two groups that no job tells apart: the pool is used although counting would do."""


@settings(max_examples=150, deadline=None)
@given(jobs, policies, st.sampled_from(["kill", "extend"]))
def test_same_starts(rows, policy, overrun):
    rows = sorted(rows)
    made = table(*zip(*rows, strict=True))
    counted = replay(made, {"p": Partition(nodes=MACHINE)}, policy, overrun=overrun, engine="general")
    placed = replay(made, {"p": LIKE}, policy, overrun=overrun)
    assert placed.start_s.tolist() == counted.start_s.tolist()
