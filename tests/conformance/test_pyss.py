"""``semantics=pyss`` against pyss itself: its micro-cases and whole logs, exactly."""

import numpy as np
import pytest

from qhpcsim.scenario import Policy
from qhpcsim.simulation import simulate_table
from tests.conformance.known_schedules import job_table, micro_cases, pyss_log

POLICIES = {
    "fcfs": Policy(semantics="pyss"),
    "easy_fcfs": Policy(backfill="easy", semantics="pyss"),
    "easy_sjbf": Policy(backfill="easy", candidates="sjf", semantics="pyss"),
    "easy_perfect_estimate": Policy(backfill="easy", estimates="actual", semantics="pyss"),
    "conservative_fcfs": Policy(backfill="conservative", semantics="pyss"),
}
LOG_POLICIES = {
    "start_easy_reqtime": POLICIES["easy_fcfs"],
    "start_easy_clairvoyant": POLICIES["easy_perfect_estimate"],
    "start_easy_sjbf_clairvoyant": Policy(backfill="easy", candidates="sjf", estimates="actual", semantics="pyss"),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_micro_cases(policy):
    cases = [case for case in micro_cases() if case["policy"] == policy]
    assert len(cases) >= 20
    for case in cases:
        columns = [[job[key] for job in case["jobs"]] for key in ("submit", "runtime", "walltime", "procs")]
        table = job_table(range(len(case["jobs"])), *columns)
        schedule = simulate_table(table, case["procs"], POLICIES[policy])
        expected_s = [case["jobs"][job]["expected_finish"] for job in table.job_id]
        assert schedule.end_s.tolist() == expected_s, case["input"]


@pytest.mark.parametrize(("name", "nodes"), [("KTH-SP2", 100), ("SDSC-SP2", 128)])
@pytest.mark.parametrize("column", LOG_POLICIES)
def test_every_start_of_whole_logs(name, nodes, column):
    table, starts = pyss_log(name)
    schedule = simulate_table(table, nodes, LOG_POLICIES[column])
    assert np.array_equal(schedule.start_s, starts[column])
