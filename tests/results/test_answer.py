"""The one sentence that answers the question."""

import math

from qhpcsim.results.wording import policy_words
from qhpcsim.scenario import Policy
from tests.metrics.runs import HAND_EASY, HAND_FCFS, make_result

EASY = Policy(name="easy", backfill="easy")
CONSERVATIVE = Policy(name="conservative", backfill="conservative")


def compared(starts, policy, old_starts, old_policy):
    result = make_result(starts=starts, policy=policy)
    result.baseline = make_result(starts=old_starts, policy=old_policy)
    return result.answer


def test_better():
    answer = compared(HAND_EASY, EASY, HAND_FCFS, Policy())
    assert answer == "EASY backfilling cut mean wait from 11.7 s to 8.67 s against FCFS (−26 %)."


def test_worse():
    answer = compared(HAND_FCFS, Policy(), HAND_EASY, CONSERVATIVE)
    assert answer == "FCFS raised mean wait from 8.67 s to 11.7 s against Conservative backfilling (+35 %)."


def test_no_difference():
    answer = compared(HAND_EASY, CONSERVATIVE, HAND_EASY, EASY)
    assert answer == "Conservative backfilling left mean wait at 8.67 s, as under EASY backfilling."


def test_alone():
    assert make_result().answer == "6 jobs under FCFS: mean wait 11.7 s, utilisation 56.2 %."


def test_rejected_jobs_are_named():
    answer = make_result([(0, 1, 1), (0, 9, 1)], [0, math.nan]).answer
    assert answer.endswith("; 1 of 2 jobs never started.")


def test_nothing_finished_under_either():
    lost = make_result([(0, 9, 1)], [math.nan])
    assert lost.answer == "No job finished: 1 rejected."
    good = make_result([(0, 1, 1)], [0])
    good.baseline = lost
    assert good.answer.endswith("Under FCFS: No job finished: 1 rejected.")


def test_policies_in_words():
    assert policy_words(Policy(name="sjf", order="sjf")) == "SJF"
    assert policy_words(Policy(name="easy", order="wfp3", backfill="easy")) == "EASY backfilling in WFP3 order"
    assert policy_words(Policy(name="mine")) == "Policy mine"
