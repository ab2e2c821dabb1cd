"""The published runs, simulated with the project's own pilots, pool and client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from qhpcsim.core.cards import card
from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import Bag, Need
from qhpcsim.facility.centre import Centre
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.backends import Backend
from qhpcsim.middleware.client import Client, ClientCosts
from qhpcsim.middleware.node_clock import Slowdown
from qhpcsim.middleware.pilots import PilotCosts, PilotPlan, Pilots
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.slots import PoolTask
from qhpcsim.models.node_contention import TaskBag
from qhpcsim.scenario import Partition, Policy

HOUR_S = 3600.0
SLOTS = 256
"""Slots on each node of the compression runs."""
CUT_QUBITS = 30
"""Of the circuit that is cut on QPUs."""
QPU, GPU = Need(qpus=1.0), Need(gpus=1.0)


def bags_s(
    plans: Sequence[PilotPlan],
    bags: Sequence[Sequence[PoolTask]],
    pool: PoolCosts | None = None,
    client: ClientCosts | None = None,
    binding: str = "late",
    slowdown: Slowdown | None = None,
    pilot: int = -1,
) -> list[float]:
    """Return the seconds of bags that follow one another, from submission to the last result; pilots are there."""
    n_nodes = sum(plan.nodes for plan in plans)
    none = np.empty(0)
    table = JobTable(np.empty(0, dtype=np.int64), none, none, none, np.empty(0, dtype=np.int32))
    centre = Centre(table, [plan.request() for plan in plans], {"all": Partition(nodes=n_nodes)}, Policy())
    entry = lookup("binding", binding)
    assert entry.params is not None
    tasks = TaskPool(centre.clock, entry.target(entry.params(name=binding)), pool or PoolCosts(), slowdown)
    pilots = Pilots(centre, tasks, plans, PilotCosts())
    pilots.submit_all()
    sender, taken_s = Client(tasks, client or ClientCosts()), []

    def send(k: int, since_s: float) -> None:
        if k:
            taken_s.append(centre.clock.now - since_s)
        if k == len(bags):
            pilots.end_all()
        else:
            sender.run(bags[k], partial(send, k + 1, centre.clock.now), pilot)

    centre.clock.call_at(0.0, lambda _event: send(0, 0.0), NORMAL)
    centre.run(lambda: 0.0)
    return taken_s


def plan(name: str, nodes: int, cores: float, **more: float) -> PilotPlan:
    """Return a pilot that outlives every run."""
    return PilotPlan(name, nodes, 1e4 * HOUR_S, "all", cores, **more)  # type: ignore[arg-type]


def no_op_s(sizes: Sequence[int], backend: Backend) -> list[float]:
    """Return the seconds of bags of no-op tasks, one after the other, on 4 nodes of 64 slots; the first is cold."""
    bags = [[PoolTask(0.0) for _ in range(n)] for n in sizes]
    return bags_s([plan("ray", 4, 64)], bags, backend.pool, backend.client)


def compression_s(nodes: int, backend: Backend, seed: int = 1) -> float:
    """Return the seconds of the compression of 60,000 images, as the motif and its cards have it."""
    entry = lookup("motif", "qml_compression")
    assert entry.params is not None
    flow = entry.target(entry.params(slots=SLOTS * nodes), Rng(seed).stream("compression"), None)
    work = flow.stages[0].work
    assert isinstance(work, Bag)
    tasks = [PoolTask(run_s) for run_s in work.run_s.tolist()]
    pool = PoolCosts(backend.pool.dispatch_s, backend.pool.cold_s, load_s=flow.load_s)
    law = TaskBag.open("compression").node
    speeds = [float(law.slowdown(float(k))) for k in range(SLOTS + 1)]
    return bags_s(
        [plan("ray", nodes, SLOTS)], [tasks], pool, backend.client, slowdown=lambda busy: speeds[round(busy)]
    )[0]


def cutting_s(width: int, n_qpus: int, find_s: float, reconstruct_s: float) -> float:
    """Return the seconds of circuit cutting with one task for each part, in turn on so many QPUs."""
    law = card("middleware/applications/cutting_qpus")
    inner_s = dict(zip(law.array("widths").astype(int).tolist(), law.array("part").tolist(), strict=True))
    run_s = part_times(width, inner_s, law.value("end_ratio"))
    plans = [plan(f"qpu{k}", 1, 16, qpus_per_node=1.0) for k in range(n_qpus)]
    spent_s = bags_s(plans, [[PoolTask(each, QPU) for each in run_s]], binding="round_robin")[0]
    return find_s + law.value("serial") + spent_s + reconstruct_s


def part_times(width: int, inner_s: Mapping[int, float], end_ratio: float) -> list[float]:
    """Return the seconds of each part's task along the line; the last part has the qubits that are left over.

    Args:
        width: Qubits of the other parts.
        inner_s: Seconds of the task of a part with two borders, by its qubits.
        end_ratio: The same with one border, over that.
    """
    full, rest = divmod(CUT_QUBITS, width)
    widths = [width] * full + ([rest] if rest else [])
    return [inner_s[w] * (end_ratio if k in (0, len(widths) - 1) else 1.0) for k, w in enumerate(widths)]


def trace_s(run_s: np.ndarray, backend: Backend, slots: int) -> float:
    """Return the time from the first submission to the end of the last task; the pilot is named."""
    tasks = [PoolTask(each) for each in run_s.tolist()]
    bags_s([plan("dask", 1, slots)], [tasks], backend.pool, backend.client, pilot=0)
    return max(task.ended_s for task in tasks)


def fragments_s(dispatch: str, n_gpus: int, chunks: np.ndarray) -> float:
    """Return the seconds of 45,711 fragments on so many GPUs, in nodes of four.

    Args:
        dispatch: ``BATCHED``: one task a GPU, which runs equal fragments once; ``ONDEMAND``: one task a fragment.
        n_gpus: GPUs.
        chunks: (n_gpus, 4) fragments of 27 and 29 qubits and how many different ones, of each GPU's share.
    """
    law = card("middleware/applications/fragments")
    each_s, wide_s = law.value("prepare"), law.value("run_29")
    narrow_s = law.value("narrow") * wide_s
    if dispatch == "BATCHED":
        work = chunks @ np.array([each_s, each_s, narrow_s, wide_s])
    else:
        n_27, n_29 = chunks[:, :2].sum(axis=0)
        work = each_s + np.repeat([narrow_s, wide_s], [n_27, n_29])
    tasks = [PoolTask(run_s, GPU) for run_s in work.tolist()]
    pool = PoolCosts(gpu_cold_s=law.value("worker"))
    return bags_s([plan("ray", max(1, n_gpus // 4), 64, gpus_per_node=4.0)], [tasks], pool)[0]
