"""The QPU queue as an environment: the same schedules as the rules, rewards that add up to the figure."""

from __future__ import annotations

import dataclasses

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import qhpcsim
from qhpcsim.core.errors import ConfigError
from qhpcsim.qpu_scenario import (
    AbstractQpuParams,
    CalibrationWindow,
    Duration,
    IdleCalibration,
    OpenHours,
    Outages,
    QpuDevice,
    QpuService,
)
from qhpcsim.rl import QpuQueueEnv
from qhpcsim.workloads.qpu_stream import ModeShares, StreamWorkload

DEVICES = {
    "plain": QpuDevice(),
    "windows": QpuDevice(windows=(CalibrationWindow(3000.0, 500.0, 400.0, "drain"),), outages=Outages(mtbf_s=9000.0)),
    "between": QpuDevice(
        windows=(CalibrationWindow(900.0, 50.0, 240.0, "interleave", 60.0),), warm_up=Duration("constant", 7.0)
    ),
    "idle": QpuDevice(idle_calibration=IdleCalibration("repeat", Duration("exponential", 30.0))),
    "hours": QpuDevice(open_hours=OpenHours(6000.0, 500.0, 3500.0)),
}


def scenario(kind="plain", n_qpus=3, discipline="fifo", choice="least_completion"):
    """Exponential jobs of 60 to 180 s on unlike QPUs, at a load near one; bursts, batches, sessions."""
    base = qhpcsim.load("qpu_service", ["qpu.choice=" + choice, "qpu.discipline=" + discipline])
    means_s = (60.0, 120.0, 180.0)[:n_qpus]
    qpus = {
        f"q{k}": dataclasses.replace(DEVICES[kind], service=AbstractQpuParams("exponential", mean_s))
        for k, mean_s in enumerate(means_s)
    }
    service = QpuService(qpus, base.qpu.discipline, base.qpu.choice)
    assert isinstance(base.qpu_workload, StreamWorkload)
    jobs = dataclasses.replace(
        base.qpu_workload,
        duration_s=9000.0,
        gaps=dataclasses.replace(base.qpu_workload.gaps, mean_s=60.0 if n_qpus == 1 else 35.0),
    )
    return dataclasses.replace(base, qpu=service, qpu_workload=jobs)


def played(env, act, seed):
    _, info = env.reset(seed=seed)
    rewards, over = [], not info["action_mask"].any()
    while not over:
        _, reward, over, _, info = env.step(act(env.unwrapped, info))
        rewards.append(reward)
    return rewards, info


def least_completion(env, _info):
    return min(env.able, key=lambda qpu: env.view.completion_s(env.job, qpu))


def shortest(env, _info):
    jobs, view, qpu = env.slots, env.view, env.episode.at
    ticket = env.episode.jobs.ticket
    return min(range(len(jobs)), key=lambda k: (view.predicted_s(jobs[k], qpu), ticket[jobs[k]]))


def fifo(env, _info):
    ticket = env.episode.jobs.ticket
    return min(range(len(env.slots)), key=lambda k: ticket[env.slots[k]])


def at_random(seed):
    draw = np.random.default_rng(seed)
    return lambda _env, info: draw.choice(np.flatnonzero(info["action_mask"]))


def assert_same(mine, theirs):
    for name in ("started_s", "ended_s", "qpu", "state"):
        assert np.array_equal(getattr(mine.schedule, name), getattr(theirs.schedule, name), equal_nan=True), name


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", DEVICES)
@pytest.mark.parametrize(
    ("act", "choice"),
    [(least_completion, "least_completion"), (lambda env, _: env.able[0], "named")],
    ids=["lc", "named"],
)
def test_an_agent_that_follows_a_choice_gives_its_very_schedule(act, choice, kind, seed):
    env = QpuQueueEnv(scenario(kind), ())
    rewards, info = played(env, act, seed)
    expected = qhpcsim.simulate(scenario(kind, choice=choice), seed=seed).qpu
    assert len(rewards) > 30
    assert_same(env.outcome(), expected)
    assert -sum(rewards) == expected.summary["mean_turnaround_s"] == info["mean_turnaround_s"]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", DEVICES)
@pytest.mark.parametrize(("act", "discipline"), [(fifo, "fifo"), (shortest, "shortest")], ids=["fifo", "shortest"])
def test_an_agent_that_follows_a_discipline_gives_its_very_schedule(act, discipline, kind, seed):
    env = QpuQueueEnv(scenario(kind), (), decision="job", n_slots=500, reward="mean_wait_s")
    rewards, info = played(env, act, seed)
    expected = qhpcsim.simulate(scenario(kind, discipline=discipline), seed=seed).qpu
    assert len(rewards) > 10
    assert_same(env.outcome(), expected)
    assert -sum(rewards) == expected.summary["mean_wait_s"] == info["mean_wait_s"]


@pytest.mark.parametrize("discipline", ["round_robin", "fair_share"])
def test_a_job_that_comes_when_a_qpu_becomes_free_may_be_its_next_one(discipline):
    """Jobs come every 25 s and take 50 s on each of two QPUs, so nearly every end is the instant of a submission."""
    base = scenario(n_qpus=2, discipline=discipline)
    constant = AbstractQpuParams("constant", 50.0)
    qpus = {name: dataclasses.replace(device, service=constant) for name, device in base.qpu.qpus.items()}
    gaps = dataclasses.replace(base.qpu_workload.gaps, law="constant", mean_s=25.0, cv=None)
    jobs = dataclasses.replace(base.qpu_workload, gaps=gaps, modes=ModeShares(job=1.0))
    tied = dataclasses.replace(base, qpu=dataclasses.replace(base.qpu, qpus=qpus), qpu_workload=jobs)
    env = QpuQueueEnv(tied, ())
    played(env, lambda env, _: env.able[0], 3)  # all to one QPU, whose queue grows
    named = dataclasses.replace(tied.qpu, choice=dataclasses.replace(tied.qpu.choice, name="named"))
    assert_same(env.outcome(), qhpcsim.simulate(dataclasses.replace(tied, qpu=named), seed=3).qpu)


@pytest.mark.parametrize("decision", ["qpu", "job"])
@pytest.mark.parametrize("reward", ["mean_turnaround_s", "mean_wait_s"])
def test_rewards_add_up_whatever_the_agent_does(decision, reward):
    env = QpuQueueEnv(scenario("windows"), (), decision=decision, reward=reward)
    rewards, info = played(env, at_random(0), 4)
    assert -sum(rewards) == pytest.approx(env.outcome().summary[reward], rel=1e-15)
    assert info[reward] == -sum(rewards)
    one, other = (played(env, at_random(0), 5)[0] for _ in range(2))
    assert np.array(one).tobytes() == np.array(other).tobytes()
    assert np.array(one).tobytes() != np.array(rewards).tobytes()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("decision", ["qpu", "job"])
def test_gymnasium_has_nothing_to_say_against_it(decision):
    for render_mode, words in ((None, None), ("ansi", {"qpu": "would end it in", "job": "is free"}[decision])):
        made = gymnasium.make(
            "qhpcsim/QpuQueue-v0", scenario=scenario(), overrides=(), decision=decision, render_mode=render_mode
        )
        check_env(made.unwrapped)
        made.reset(seed=0)
        if words:
            assert words in made.render()


def test_observations_are_what_the_view_says():
    env = QpuQueueEnv(scenario("windows"), ())
    seen, info = env.reset(seed=1)
    for _ in range(40):
        assert seen in env.observation_space
        assert np.flatnonzero(seen["qpus"][:, 0]).tolist() == list(env.able)
        for qpu in env.able:
            ends_s = env.view.completion_s(env.job, qpu) - env.episode.clock.now
            shown = np.expm1(float(seen["qpus"][qpu, 3]) * np.log1p(10 * 365.25 * 86400))
            assert shown == pytest.approx(ends_s, rel=1e-4)
        seen, _, over, _, info = env.step(int(np.argmax(info["action_mask"])))
        assert not over


def test_the_shipped_fleet_with_background_drift_and_sessions():
    overrides = ["qpu=ibm_fleet", "qpu_workload.duration_s=1d"]
    env = QpuQueueEnv("qpu_service", overrides)
    rewards, _ = played(env, least_completion, 2)
    expected = qhpcsim.simulate(qhpcsim.load("qpu_service", [*overrides, "seed=2"])).qpu
    assert_same(env.outcome(), expected)
    assert -sum(rewards) == expected.summary["mean_turnaround_s"]


@pytest.mark.parametrize(
    ("name", "overrides", "more", "words"),
    [
        ("small_centre", (), {}, "has no QPU jobs"),
        ("qpu_service", (), {}, "one QPU, so nothing to choose"),
        ("qpu_service", (), {"decision": "jobs"}, "did you mean: job"),
        ("qpu_service", (), {"decision": "job", "reward": "mean_wait"}, "did you mean: mean_wait_s"),
    ],
)
def test_what_an_agent_cannot_run_is_refused_in_words(name, overrides, more, words):
    with pytest.raises(ConfigError) as caught:
        QpuQueueEnv(name, overrides, **more)
    assert words in str(caught.value)
