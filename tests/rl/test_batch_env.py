"""The batch queue as an environment: the same schedules as the policies, rewards that add up to the figure."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import qhpcsim
from qhpcsim.core.errors import ConfigError, QhpcsimError
from qhpcsim.metrics.invariants import check_run
from qhpcsim.rl import BatchQueueEnv, follow

JOBS = ("baseline=", "workload.n_jobs=80")
ALL = 1000
"""More slots than jobs."""


def fcfs(view):
    free = view.free_nodes
    for job in view.waiting:
        if job.nodes > free:
            return
        free -= job.nodes
        yield job


def sjf(view):
    free = view.free_nodes
    for job in sorted(view.waiting, key=lambda job: (job.requested_s, job.index)):
        if job.nodes > free:
            return
        free -= job.nodes
        yield job


def easy(view):
    """Lifka's rule, one start at a time: what started before runs already in the view."""
    head, *others = view.waiting
    if head.nodes <= view.free_nodes:
        yield head
        return
    shadow_s, spare = view.shadow(head.nodes)
    for job in others:
        if job.nodes <= view.free_nodes and (view.now_s + job.requested_s <= shadow_s or job.nodes <= spare):
            yield job
            return


def played(env, act, seed=None):
    """Return the rewards of one episode and its last ``info``."""
    _, info = env.reset(seed=seed)
    rewards, over = [], not info["action_mask"].any()
    while not over:
        _, reward, over, truncated, info = env.step(act(env.unwrapped, info))
        assert not truncated
        rewards.append(reward)
    return rewards, info


def at_random(seed):
    draw = np.random.default_rng(seed)
    return lambda _env, info: draw.choice(np.flatnonzero(info["action_mask"]))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("decide", "policy"),
    [(fcfs, ["policy=fcfs"]), (sjf, ["policy=fcfs", "policy.order=sjf"]), (easy, ["policy=easy"])],
    ids=["fcfs", "sjf", "easy"],
)
def test_an_agent_that_follows_a_policy_gives_its_very_starts(decide, policy, seed):
    env = BatchQueueEnv("small_centre", JOBS, n_slots=ALL)
    rewards, info = played(env, lambda env, _: follow(decide, env), seed)
    expected = qhpcsim.simulate(qhpcsim.load("small_centre", [*JOBS, *policy, f"seed={seed}"]))
    result = env.result()
    assert np.array_equal(result.schedule.start_s, expected.schedule.start_s, equal_nan=True)
    assert np.array_equal(result.schedule.lo, expected.schedule.lo)
    assert -sum(rewards) == expected.summary["mean_wait_s"] == info["mean_wait_s"]


@pytest.mark.parametrize("reward", ["mean_wait_s", "mean_turnaround_s", "mean_bounded_slowdown"])
@pytest.mark.parametrize("seed", range(4))
def test_rewards_add_up_to_the_figure_whatever_the_agent_does(reward, seed):
    env = BatchQueueEnv("small_centre", JOBS, reward=reward)
    rewards, info = played(env, at_random(seed), seed)
    result = env.result()
    assert -sum(rewards) == result.summary[reward] == info[reward]
    assert max(rewards[:-1]) <= 1e-9 * abs(sum(rewards))
    assert check_run(result.jobs, result.summary, result.partitions, None, workload=result.table) == []


def test_a_queue_order_holds_and_slot_0_is_its_head():
    env = BatchQueueEnv("small_centre", [*JOBS, "policy=fcfs", "policy.order=sjf"], n_slots=ALL)

    def head_or_wait(env, info):
        asked_s = [job.requested_s for job in env.slots]
        assert asked_s == sorted(asked_s)
        return 0 if info["action_mask"][0] else env.wait_action

    played(env, head_or_wait, 2)
    expected = qhpcsim.simulate(qhpcsim.load("small_centre", [*JOBS, "policy=fcfs", "policy.order=sjf", "seed=2"]))
    assert np.array_equal(env.result().schedule.start_s, expected.schedule.start_s, equal_nan=True)


def test_jobs_of_no_length_free_their_nodes_at_the_same_instant(tmp_path):
    path = tmp_path / "jobs.csv"
    rows = [(0, 4, 0), (0, 4, 0), (0, 2, 10), (0, 4, 5), (5, 1, 0), (7, 3, 2)]
    lines = [f"{k},{s},{q},{p},{max(p, 1)}" for k, (s, q, p) in enumerate(rows, start=1)]
    path.write_text("\n".join(["job_id,submit_s,nodes,runtime_s,walltime_s", *lines]) + "\n")
    options = [f"workload.path={path}", "facility.nodes=4"]
    env = BatchQueueEnv("replay", options)
    played(env, lambda env, _: follow(fcfs, env))
    expected = qhpcsim.simulate(qhpcsim.load("replay", [*options, "policy=fcfs"]))
    assert env.result().schedule.start_s.tolist() == expected.schedule.start_s.tolist() == [0, 0, 0, 10, 15, 15]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("render_mode", [None, "ansi"])
def test_gymnasium_has_nothing_to_say_against_it(render_mode):
    made = gymnasium.make("qhpcsim/BatchQueue-v0", overrides=["workload.n_jobs=20"], render_mode=render_mode)
    check_env(made.unwrapped)
    made.reset(seed=0)
    if render_mode:
        assert "nodes free\n*  0  job 1:" in made.render()
    made.close()


def test_seeds_are_honoured():
    env = BatchQueueEnv("small_centre", JOBS)
    own = qhpcsim.load("small_centre", JOBS).seed

    def episode(seed):
        rewards, info = played(env, at_random(0), seed)
        return np.array(rewards).tobytes(), info["seed"]

    assert episode(None)[1] == own
    assert episode(7) == episode(7)
    assert episode(7)[1] == 7
    assert episode(8)[0] != episode(7)[0]
    env.reset(seed=7)
    drawn = [episode(None)[1] for _ in range(3)]
    env.reset(seed=7)
    assert [episode(None)[1] for _ in range(3)] == drawn
    assert len(set(drawn)) == 3


def test_observations_are_what_the_view_says():
    env = BatchQueueEnv("small_centre", JOBS, n_slots=8, n_running=4)
    seen, info = env.reset(seed=1)
    draw = np.random.default_rng(0)
    over, n_checked = False, 0
    while not over and n_checked < 60:
        view, slots = env.view, env.slots
        assert len(slots) == min(8, len(view.waiting)) == int(seen["waiting"][:, 0].sum())
        for k, job in enumerate(slots):
            fits = job.nodes <= view.free_nodes
            assert seen["waiting"][k, 4] == info["action_mask"][k] == fits
            assert seen["waiting"][k, 1] == np.float32(job.nodes / view.n_nodes)
            asked = np.log1p(job.requested_s) / np.log1p(10 * 365.25 * 86400)
            assert seen["waiting"][k, 2] == pytest.approx(min(1.0, asked), rel=1e-6)
        assert seen["machine"][0] == np.float32(view.free_nodes / view.n_nodes)
        ends = [end_s - view.now_s for end_s, _ in view.running[:4]]
        shown = np.expm1(seen["running"][: len(ends), 1].astype(float) * np.log1p(10 * 365.25 * 86400))
        assert shown == pytest.approx(ends, rel=1e-4, abs=1e-2)
        assert not seen["running"][len(ends) :].any()
        assert seen in env.observation_space
        n_checked += 1
        seen, _, over, _, info = env.step(draw.choice(np.flatnonzero(info["action_mask"])))


def test_a_forbidden_action_waits_and_is_told_of():
    env = BatchQueueEnv("small_centre", JOBS)
    _, info = env.reset(seed=1)
    assert info["action_mask"][31] == 0
    _, _, _, _, info = env.step(31)
    assert info["invalid_action"]
    assert env.episode.rule.state.running == []
    rewards, info = played(env, lambda *_: 31, 1)
    assert -sum(rewards) == env.result().summary["mean_wait_s"]


def test_waiting_for_ever_is_not_allowed():
    env = BatchQueueEnv("small_centre", JOBS)
    _, info = played(
        env, lambda env, info: env.wait_action if info["action_mask"][-1] else int(np.argmax(info["action_mask"]))
    )
    assert np.isfinite(env.result().schedule.start_s).all()
    assert info["action_mask"].sum() == 0


def test_windows_of_a_log(tmp_path):
    path = tmp_path / "log.csv"
    lines = [f"{k},{1000 + 10 * k},1,{k},{k}" for k in range(1, 101)]
    path.write_text("\n".join(["job_id,submit_s,nodes,runtime_s,walltime_s", *lines]) + "\n")
    env = BatchQueueEnv("replay", [f"workload.path={path}", "facility.nodes=4"], window=10)
    firsts = []
    for seed in range(6):
        played(env, at_random(0), seed)
        table = env.result().table
        ids = table.job_id.tolist()
        assert ids == list(range(ids[0], ids[0] + 10))
        assert (table.submit_s + table.zero_s).tolist() == [1000 + 10 * k for k in ids]
        firsts.append(ids[0])
    assert len(set(firsts)) > 3


def test_it_is_registered_once_and_by_module_name():
    made = gymnasium.make("qhpcsim.rl:qhpcsim/BatchQueue-v0", overrides=["workload.n_jobs=20"])
    assert isinstance(made.unwrapped, BatchQueueEnv)
    assert made.unwrapped.action_masks().tolist() == [False] * 33
    assert {"qhpcsim/BatchQueue-v0", "qhpcsim/QpuQueue-v0"} <= set(gymnasium.registry)


def test_without_gymnasium_one_clear_message():
    program = "import sys; sys.modules['gymnasium'] = None\nimport qhpcsim\nimport qhpcsim.rl"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-2:]
    assert "qhpcsim.rl: the environments need Gymnasium" in last[0]
    assert last[1] == '  next: pip install "qhpcsim[rl]"'


@pytest.mark.parametrize("vector", [gymnasium.vector.SyncVectorEnv, gymnasium.vector.AsyncVectorEnv])
def test_vectors_of_environments(vector):
    envs = vector([_made, _made])
    try:
        seen, info = envs.reset(seed=5)
        for _ in range(30):
            actions = [int(np.argmax(mask)) for mask in info["action_mask"]]
            seen, rewards, *_, info = envs.step(np.array(actions))
        assert seen["waiting"].shape == (2, 32, 5)
        assert rewards.shape == (2,)
    finally:
        envs.close()


def _made():
    return BatchQueueEnv("small_centre", ("workload.n_jobs=20",))


@pytest.mark.parametrize(
    ("scenario", "overrides", "more", "words"),
    [
        ("quickstart", (), {}, "allowed: rigid jobs"),
        ("small_centre", ("scheduler=slurm",), {}, "scheduler"),
        ("small_centre", (), {"reward": "mean_waits"}, "did you mean: mean_wait_s"),
        ("small_centre", (), {"n_slots": 0}, "at least 1"),
        ("small_centr", (), {}, "did you mean: small_centre"),
    ],
)
def test_what_an_agent_cannot_run_is_refused_in_words(scenario, overrides, more, words):
    with pytest.raises(QhpcsimError) as caught:
        BatchQueueEnv(scenario, overrides, **more)
    assert words in str(caught.value)


def test_a_machine_that_fails_is_refused():
    scenario = qhpcsim.load("small_centre", JOBS)
    facility = dataclasses.replace(
        scenario.facility,
        partitions={
            name: dataclasses.replace(part, failures=dataclasses.replace(part.failures, mtbf_s=1e6))
            for name, part in scenario.facility.partitions.items()
        },
    )
    with pytest.raises(ConfigError, match="never fail"):
        BatchQueueEnv(dataclasses.replace(scenario, facility=facility))
    with pytest.raises(ConfigError, match="not over"):
        BatchQueueEnv("small_centre", JOBS).result()
    with pytest.raises(gymnasium.error.ResetNeeded):
        BatchQueueEnv("small_centre", JOBS).step(0)
