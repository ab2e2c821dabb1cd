"""Study files: what they may say, and how mistakes are named."""

import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.studies.plan_read import read_study
from qhpcsim.studies.plan_study import Seeds

STUDY = """\
scenario: hybrid_loop
decide:
  facility.nodes: {values: 2..4, capital: 10}
  policy: [fcfs, easy]
constraints:
  - {figure: p95_wait_s, below: 1h}
objective: capital
"""


def read(tmp_path, text=STUDY):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return read_study(path)


def test_a_study_is_read(tmp_path):
    more = "seeds: {min: 6}\ngrowth:\nuncertain: {keys: {workload.n_jobs: 3:9}}\n"
    study = read(tmp_path, STUDY.replace("below: 1h", "above: 60%, confidence: 0.9") + more)
    nodes, policy = study.variables
    assert nodes.values == ("2", "3", "4") and nodes.capital == (20, 30, 40) and nodes.power_w == (0, 0, 0)
    assert policy.values == ("fcfs", "easy") and policy.capital == (0, 0)
    (constraint,) = study.constraints
    assert (constraint.side, constraint.limit, constraint.error) == ("above", 0.6, pytest.approx(0.1))
    assert study.seeds == Seeds(6, 40, 40)
    assert study.growth.by == (1.1, 1.25, 1.5)
    assert study.uncertain.keys == (("workload.n_jobs", "3", "9"),)
    assert read(tmp_path).constraints[0].limit == 3600


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("objective: capital", "objectiv: capital", r"study.yaml:7: objectiv.*\n.*\n.*did you mean: objective"),
        ("objective: capital", "objective: capitol", r"study.yaml:7: objective.*\n.*\n.*did you mean: capital"),
        ("objective: capital", "objective: energy", "nothing under 'decide' has a price for it"),
        ("objective: capital", "objective: cost_a_year", "needs lifetime_years"),
        ("objective: capital", "objective: {capitl: 1}", "did you mean: capital"),
        ("objective: capital", "", "'objective' is missing"),
        ("2..4", "4..2", r"study.yaml:3: decide.facility.nodes.values"),
        ("2..4", "[2, 2]", "there twice"),
        ("2..4", "many", "1..4, or a list"),
        ("capital: 10", "capital: -1", "a number from 0"),
        ("capital: 10", "capitl: 10", "did you mean: capital"),
        ("capital: 10", "capital: {2: 1, 3: 2}", "no price of 4"),
        ("[fcfs, easy]", "{values: [fcfs, easy], capital: 3}", "values that are numbers"),
        ("below: 1h", "below: 1h, above: 2h", "give one limit"),
        ("below: 1h", "belw: 1h", "did you mean: below"),
        ("below: 1h", "below: soon", "is not a duration"),
        ("figure: p95_wait_s", "figure: p95_wait", "names end in _s, such as p95_wait_s"),
        ("below: 1h", "below: 1h, confidence: 95", "to 0.999999"),
        ("figure: p95_wait_s, ", "", "'figure' is missing"),
        ("constraints:\n", "seeds: {min: 9, max: 4}\nconstraints:\n", "min 9 is above max 4"),
        ("constraints:\n", "search: fast\nconstraints:\n", "auto, exact, optuna"),
        ("constraints:\n", "uncertain: {keys: {a: 3}}\nconstraints:\n", "low:high"),
        ("constraints:\n", "growth: {by: [0]}\nconstraints:\n", "growth.by.0"),
        ("constraints:\n", "growth: {multply: [a]}\nconstraints:\n", "did you mean: multiply"),
        ("constraints:\n", "change: [policy]\nconstraints:\n", "is not key=value"),
    ],
)
def test_mistakes_name_line_key_and_what_is_allowed(tmp_path, old, new, complaint):
    assert old in STUDY
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, STUDY.replace(old, new, 1))
    import re

    assert re.search(complaint, raised.value.block()), raised.value.block()
