"""The engine without workers: each task runs in this process, when it is submitted."""

from __future__ import annotations

import time
from concurrent.futures import Future

from qhpcsim.core.registry import register
from qhpcsim.core.task_records import TaskState
from qhpcsim.execution.engine import Engine, EngineOptions
from qhpcsim.execution.task import Task, TaskResult, attempt


@register("engine", "serial", summary="one task after the other in this process; cannot stop a task that overruns")
class SerialEngine(Engine):
    """Runs tasks here, one by one.

    Nothing outside can stop a task, so one that overruns its limit ends first and is called timed out then; no task
    starts after the budget, but the last one may end after it.
    """

    window = 1

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        if options.warm_up is not None:
            options.warm_up()

    def submit(self, task: Task, submitted_s: float | None = None) -> Future[TaskResult]:
        """Run a task and return its result as a future that is done."""
        future: Future[TaskResult] = Future()
        future.set_running_or_notify_cancel()
        future.set_result(self._run(task, time.time() if submitted_s is None else submitted_s))
        return future

    def close(self, *, cancel: bool = False) -> None:
        """Do nothing: there are no workers."""

    def _run(self, task: Task, submitted_s: float) -> TaskResult:
        if time.monotonic() >= self.deadline:
            return TaskResult(
                task.task_id, TaskState.BUDGET, error="never started: the budget was spent", submitted_s=submitted_s
            )
        done = attempt(task.function, task.arguments)
        result = TaskResult(
            task.task_id, done.state, done.value, done.error, done.worker, submitted_s, done.started_s, done.ended_s,
            done.seconds, 1,
        )  # fmt: skip
        limit_s = self.options.timeout_s if task.timeout_s is None else task.timeout_s
        if limit_s is not None and done.seconds > limit_s:
            result.state, result.value = TaskState.TIMED_OUT, None
            result.error = f"ran {done.seconds:.3g} s, the limit is {limit_s:.3g} s"
        return result
