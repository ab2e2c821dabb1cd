"""What the answer says of applications."""

import pytest

from qhpcsim.results.workflow_wording import answer
from qhpcsim.scenario import Policy

EASY = Policy(name="easy", backfill="easy")
FCFS = Policy()


def summary(mean_s, done=10, n=10, wait_s=60.0, lost=0, motifs=None):
    by_motif = {name: {"n_completed": 1, "mean_time_to_solution_s": time} for name, time in (motifs or {}).items()}
    figures = {
        "n_applications": n,
        "n_completed": done,
        "mean_time_to_solution_s": mean_s,
        "by_motif": by_motif,
        "n_tasks": 500,
        "n_tasks_lost": lost,
    }
    return {"workflows": figures, "mean_wait_s": wait_s}


@pytest.mark.parametrize(
    ("new", "old", "words"),
    [
        (summary(None, done=0), None, "None of the 10 applications was completed."),
        (
            summary(3600.0, done=9),
            None,
            "9 of 10 applications were completed, on average 1 h after their submission.",
        ),
        (
            summary(3600.0, lost=3, motifs={"vqe": 7200.0, "bag": 60.0}),
            None,
            "10 of 10 applications were completed, on average 1 h after their submission; vqe took longest, 2 h; "
            "3 of 500 tasks were lost.",
        ),
        (
            summary(3600.0),
            summary(7200.0, wait_s=120.0),
            "EASY backfilling cut the mean time to solution of 10 applications from 2 h to 1 h (−50 %) against FCFS, "
            "and cut the mean wait of batch jobs, pilots among them, from 2 min to 1 min (−50 %).",
        ),
        (
            summary(3601.0, wait_s=30.0),
            summary(3600.0, wait_s=20.0),
            "EASY backfilling left the mean time to solution of 10 applications at 1 h against FCFS, and raised the "
            "mean wait of batch jobs, pilots among them, from 20 s to 30 s (+50 %).",
        ),
        (
            summary(3600.0, done=9, wait_s=None),
            summary(1800.0, done=4),
            "EASY backfilling raised the mean time to solution of completed applications from 30 min to 1 h (+100 %) "
            "against FCFS (9 of 10 completed, 4 under FCFS).",
        ),
        (
            summary(3600.0),
            summary(None, done=0),
            "10 of 10 applications were completed, on average 1 h after their submission.",
        ),
    ],
)
def test_sentences(new, old, words):
    assert answer(EASY, new, None if old is None else (FCFS, old)) == words
