"""What every engine must do, and what those with workers survive."""

import os
import signal
import threading
import time
from concurrent.futures import CancelledError, as_completed
from contextlib import suppress
from pathlib import Path

import pytest

from qhpcsim.core.errors import ConfigError, EngineError, UnknownNameError
from qhpcsim.core.task_records import TaskState
from qhpcsim.execution.engine import open_engine
from qhpcsim.execution.task import Task
from tests.execution import jobs

ENGINES = ("serial", "processes", "dask")
WITH_WORKERS = ("processes", "dask")


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    if request.param == "dask":
        pytest.importorskip("distributed")
    with open_engine(request.param, workers=2) as found:
        yield found


@pytest.fixture(params=WITH_WORKERS)
def name(request):
    if request.param == "dask":
        pytest.importorskip("distributed")
    return request.param


def alive(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def test_map_keeps_the_order_and_says_when_and_where(engine):
    before_s = time.time()
    results = list(engine.map(Task(f"t{k}", jobs.double, (k,)) for k in range(20)))
    assert [each.task_id for each in results] == [f"t{k}" for k in range(20)]
    assert [each.value for each in results] == [2 * k for k in range(20)]
    for each in results:
        assert each.ok and each.reason == "" and each.error == "" and each.attempts == 1
        assert before_s - 1 < each.submitted_s <= each.started_s <= each.ended_s < time.time() + 1
        assert each.seconds == pytest.approx(each.ended_s - each.started_s, abs=1e-5)
        assert each.worker.rpartition(":")[2].isdigit()


def test_map_unordered_streams_and_reports_progress(engine):
    seen = []
    tasks = [Task(str(k), jobs.double, (k,)) for k in range(10)]
    results = list(engine.map_unordered(tasks, progress=seen.append))
    assert sorted(each.value for each in results) == [2 * k for k in range(10)]
    assert seen == pytest.approx([k / 10 for k in range(1, 11)])


def test_submit_gives_a_future_of_the_standard_library(engine):
    futures = [engine.submit(Task(str(k), jobs.double, (k,))) for k in range(5)]
    assert {f.result(timeout=60).value for f in as_completed(futures)} == {0, 2, 4, 6, 8}


def test_a_task_that_fails_is_a_row_with_a_reason(engine):
    failed, left, fine = engine.map(
        [Task("f", jobs.fail, ("no such gate",)), Task("l", jobs.leave), Task("d", jobs.double, (1,))]
    )
    assert (failed.state, failed.reason, failed.value) == (TaskState.FAILED, "failed", None)
    assert failed.error == "ValueError: no such gate"
    assert failed.attempts == 1
    assert left.error == "SystemExit: 3"
    assert fine.value == 2


def test_nothing_to_do_is_nothing(engine):
    assert list(engine.map([])) == []


def test_what_cannot_travel_fails_alone(name):
    with open_engine(name, workers=1) as engine:
        results = list(
            engine.map([Task("call", lambda: 0), Task("value", jobs.unpicklable), Task("fine", jobs.double, (4,))])
        )
    assert [each.reason for each in results] == ["failed", "failed", ""]
    assert "cannot be sent to a worker" in results[0].error
    assert "cannot be sent back" in results[1].error
    assert results[2].value == 8


def test_a_killed_worker_loses_nothing(name, tmp_path):
    with open_engine(name, workers=2, budget_s=60) as engine:
        results = list(engine.map(Task(str(k), jobs.die_once, (str(tmp_path), k)) for k in range(6)))
    assert [each.value for each in results] == list(range(6))
    assert [each.attempts for each in results] == [2] * 6


def test_a_task_that_kills_every_worker_ends_after_its_retries(name):
    with open_engine(name, workers=2, retries=1) as engine:
        bad, *good = engine.map([Task("bad", jobs.die), *(Task(str(k), jobs.double, (k,)) for k in range(8))])
    assert (bad.state, bad.reason, bad.attempts) == (TaskState.LOST_WORKER, "lost_worker", 2)
    assert "signal 9" in bad.error
    assert [each.value for each in good] == [2 * k for k in range(8)]


def test_a_worker_killed_from_outside_is_replaced():
    with open_engine("processes", workers=2) as engine:
        doomed = engine.submit(Task("long", jobs.slow, (1.0, "here")))
        others = [engine.submit(Task(str(k), jobs.process_id)) for k in range(4)]
        pids = {f.result(timeout=60).value for f in others}
        (victim,) = {w.name.rpartition(":")[2] for w in engine._busy} - {str(p) for p in pids}
        os.kill(int(victim), signal.SIGKILL)
        result = doomed.result(timeout=60)
    assert (result.value, result.attempts) == ("here", 2)
    assert result.worker.rpartition(":")[2] != victim


def test_a_time_out_really_stops_the_work(name, tmp_path):
    mark = tmp_path / "alive"
    with open_engine(name, workers=1) as engine:
        over, after = engine.map(
            [Task("over", jobs.spin, (str(mark),), timeout_s=0.5), Task("after", jobs.double, (3,))]
        )
        last = mark.read_text()
        time.sleep(0.2)
        assert mark.read_text() == last
    assert (over.state, over.reason, over.attempts) == (TaskState.TIMED_OUT, "timed_out", 1)
    assert 0.5 <= over.seconds < 5
    assert over.ended_s == pytest.approx(over.started_s + over.seconds)
    assert after.value == 6


def test_the_engine_has_a_time_limit_for_all(name):
    with open_engine(name, workers=1, timeout_s=0.3) as engine:
        short, long = engine.map([Task("s", jobs.slow, (0.0, 1)), Task("l", jobs.slow, (30.0, 2))])
    assert (short.value, long.reason) == (1, "timed_out")


def test_the_budget_ends_the_run_and_names_what_is_missing(name):
    with open_engine(name, workers=2, budget_s=100.0, timeout_s=30.0) as engine:
        list(engine.map(Task(f"first{k}", jobs.slow, (0.1,)) for k in range(4)))
        engine.deadline = time.monotonic() + 4.0  # so that slow starts on a busy machine do not count
        results = list(engine.map(Task(str(k), jobs.slow, (1.2, k)) for k in range(40)))
        assert time.monotonic() - engine.deadline < 4.0
    assert len(results) == 40
    done = [each for each in results if each.ok]
    assert 2 <= len(done) <= 6
    late = [each for each in results if not each.ok]
    assert {each.state for each in late} == {TaskState.BUDGET}
    never = [each for each in late if each.attempts == 0]
    assert len(never) >= 30
    assert all(each.started_s != each.started_s and "never started" in each.error for each in never)
    assert all("end of the budget" in each.error for each in late if each.attempts)


def test_serial_says_that_it_overran():
    with open_engine("serial", budget_s=0.4, timeout_s=0.2) as engine:
        fine, over, never = engine.map([Task(str(k), jobs.slow, (s,)) for k, s in enumerate((0.01, 0.45, 0.0))])
    assert [fine.reason, over.reason, never.reason] == ["", "timed_out", "budget"]


def test_one_thread_for_each_worker(name):
    with open_engine(name, workers=1) as engine:
        (one,) = engine.map([Task("t", jobs.threads)])
    assert one.value == ("1", "1")


def test_each_worker_warms_up_once_before_its_first_task(name):
    with open_engine(name, workers=1, warm_up=jobs.warm_up) as engine:
        first, second = engine.map([Task(str(k), jobs.warmed) for k in range(2)])
    assert first.value == second.value
    assert len(first.value) == 1


def test_workers_that_cannot_start_end_the_run():
    with (
        pytest.raises(EngineError, match="no library here"),
        open_engine("processes", workers=2, warm_up=jobs.broken_warm_up) as engine,
    ):
        list(engine.map([Task("t", jobs.double, (1,))]))


def test_dask_workers_that_cannot_start_are_a_reason():
    pytest.importorskip("distributed")
    with open_engine("dask", workers=1, warm_up=jobs.broken_warm_up, retries=0) as engine:
        (lost,) = engine.map([Task("t", jobs.double, (1,))])
    assert lost.reason == "lost_worker"
    assert "no library here" in lost.error


def test_leaving_by_an_exception_ends_the_workers_at_once(name):
    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt), open_engine(name, workers=1) as engine:
        (first,) = engine.map([Task("p", jobs.process_id)])
        future = engine.submit(Task("long", jobs.slow, (60.0,)))
        queued = engine.submit(Task("queued", jobs.slow, (60.0,)))
        time.sleep(0.5)
        raise KeyboardInterrupt
    assert time.monotonic() - began_s < 30
    assert not alive(first.value)
    for each in (future, queued):
        with suppress(CancelledError):
            assert each.result(timeout=1).reason == "cancelled"


def test_leaving_waits_for_what_was_submitted():
    with open_engine("processes", workers=1) as engine:
        future = engine.submit(Task("t", jobs.slow, (0.3, "done")))
    assert future.result(timeout=0).value == "done"
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit(Task("t", jobs.double, (1,)))


def test_a_map_that_is_left_drops_what_has_not_started():
    with open_engine("processes", workers=1) as engine:
        results = engine.map_unordered(Task(str(k), jobs.slow, (0.2, k)) for k in range(50))
        assert next(results).value == 0
        results.close()
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 5


def test_many_threads_may_submit():
    with open_engine("processes", workers=2) as engine:
        found = []

        def submit(first):
            futures = [engine.submit(Task(str(k), jobs.double, (k,))) for k in range(first, first + 200)]
            found.extend(f.result().value for f in futures)

        threads = [threading.Thread(target=submit, args=(200 * k,)) for k in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert sorted(found) == [2 * k for k in range(800)]


def test_no_process_is_left(name):
    with open_engine(name, workers=2) as engine:
        pids = {each.value for each in engine.map(Task(str(k), jobs.process_id) for k in range(8))}
    deadline_s = time.monotonic() + 5
    while any(map(alive, pids)) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not any(map(alive, pids))


def test_mistakes_are_named():
    with pytest.raises(UnknownNameError, match="did you mean: processes"):
        open_engine("proceses")
    with pytest.raises(ConfigError, match="0 workers"):
        open_engine("processes", workers=0)
    with pytest.raises(ConfigError, match="no scheduler"):
        open_engine("processes", scheduler="tcp://here:8786")
