"""Every published run beside its simulation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from fit_applications import FITTED_GPUS, FITTED_QPUS
from fit_backends import (
    ALL_BLOCKS,
    COLD_BLOCKS,
    DASK_SLOTS,
    FITTED,
    N_REFILLS,
    SIZES,
    WARM_BLOCK,
    warm_mean_s,
)
from seed_rows import compression_runs, cutting_runs, fragment_chunks, fragment_runs, no_op_runs, rows, task_trace
from seed_runs import compression_s, cutting_s, fragments_s, no_op_s, trace_s

from qhpcsim.core.cards import card
from qhpcsim.core.rng import Rng
from qhpcsim.middleware.backends import open_backend
from qhpcsim.workloads.motifs.qml_classifier import QmlClassifierParams, batch_s

COMPRESSION_FITTED = (2, 4, 8)
"""Nodes of the runs behind motifs/qml_compression: start_up."""
CLASSIFIER_FITTED = (2, 8, 32)
"""Batches behind motifs/qml_classifier."""
GPUS = (4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Check:
    """One figure, simulated and measured."""

    what: str
    told: float
    measured: float
    fitted: bool

    @property
    def error(self) -> float:
        """Simulated over measured, less one."""
        return self.told / self.measured - 1.0


def no_op_checks() -> Iterator[Check]:
    """Yield warm throughputs by size, of the series with repetitions and of the others, then the cold runs."""
    backend = open_backend("ray")
    cold, *warm = no_op_s([1024, *SIZES], backend)
    told = dict(zip(SIZES, warm, strict=True))
    for blocks, name in (((WARM_BLOCK,), f"series {WARM_BLOCK}"), (COLD_BLOCKS, "series 1, 2"), (ALL_BLOCKS, "all")):
        for n, measured in warm_mean_s(blocks).items():
            fitted = n in FITTED and blocks == (WARM_BLOCK,)
            if n not in FITTED or blocks != ALL_BLOCKS:
                yield Check(f"{n} no-op tasks, warm, {name}: tasks/s", n / told[n], n / measured, fitted)
    for block, n, seconds, is_cold in no_op_runs():
        if is_cold:
            yield Check(f"{n} no-op tasks, cold, series {block}: s", cold, seconds, block in COLD_BLOCKS)


def compression_checks() -> Iterator[Check]:
    """Yield means, efficiencies and the speed-up."""
    backend = open_backend("ray")
    mean_s = {nodes: float(np.mean(seconds)) for nodes, seconds in compression_runs().items()}
    told = {nodes: compression_s(nodes, backend) for nodes in mean_s}
    for nodes in mean_s:
        yield Check(f"compression on {nodes} nodes: s", told[nodes], mean_s[nodes], nodes in COMPRESSION_FITTED)
    for nodes in mean_s:
        if nodes > 1:
            pair = (each[1] / each[nodes] / nodes for each in (told, mean_s))
            yield Check(f"compression on {nodes} nodes: efficiency", *pair, fitted=False)
    yield Check("compression: speed-up on 32 nodes", told[1] / told[32], mean_s[1] / mean_s[32], fitted=False)


def cutting_checks() -> Iterator[Check]:
    """Yield totals by width and number of QPUs."""
    for run in cutting_runs():
        for n, measured in run.total_s.items():
            told = cutting_s(run.width, n, run.find_s, run.reconstruct_s)
            yield Check(f"cutting to {run.width} qubits on {n} QPUs: s", told, measured, n in FITTED_QPUS)


def trace_checks() -> Iterator[Check]:
    """Yield the makespan with the trace's own task times, and with draws from its first tasks."""
    trace, backend = task_trace(), open_backend("dask")
    makespan_s = float(trace.ended_s.max())
    told = trace_s(trace.run_s, backend, DASK_SLOTS)
    yield Check("circuit execution, own task times: makespan s", told, makespan_s, False)
    early = trace.run_s[np.argsort(trace.started_s)[:N_REFILLS]]
    draws = (Rng(seed).stream("trace").choice(early, len(trace.run_s)) for seed in range(10))
    told = float(np.mean([trace_s(each, backend, DASK_SLOTS) for each in draws]))
    yield Check(f"circuit execution, drawn from the first {N_REFILLS}: makespan s", told, makespan_s, False)


def fragment_checks(sizes: tuple[int, ...] = GPUS) -> Iterator[Check]:
    """Yield both dispatches by number of GPUs."""
    chunks = fragment_chunks()
    for word, measured in fragment_runs().items():
        for n in sizes:
            fitted = n in FITTED_GPUS if word == "BATCHED" else n == FITTED_GPUS[-1]
            told = fragments_s(word, n, chunks[n])
            yield Check(f"fragments {word.lower()} on {n} GPUs: s", told, measured[n], fitted)


def classifier_checks() -> Iterator[Check]:
    """Yield seconds a batch, by how the loop is compiled."""
    law = card("motifs/qml_classifier")
    for row in rows("seed/qma_classifier_training_loop_data.csv"):
        jit, vmap = ("True" in part for part in row["category"].split("_"))
        n = int(row["batch_size"])
        told = batch_s(QmlClassifierParams(batch_size=n, jit=jit, vmap=vmap), law)
        name = f"classifier, jit {'on' if jit else 'off'}, vmap {'on' if vmap else 'off'}, batch of {n}: s"
        yield Check(name, told, float(row["mean_time"]), n in CLASSIFIER_FITTED)
