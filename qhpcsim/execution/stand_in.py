"""Which tasks of a run this machine can do in another's place, and why it cannot do the others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.registry import entries
from qhpcsim.core.task_records import TaskTable, word_texts

_MEMORY_FRAC = 0.6
"""Part of the free memory that one state vector may take: Aer's copies and the workers need the rest."""
_STATE_BYTES = 16
_SIZES = (12, 16, 20, 24, 28, 32)
"""Upper ends of the size classes, in qubits."""


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine has."""

    n_cores: int
    memory_bytes: float
    device_classes: tuple[str, ...] = ("cpu",)


def this_host() -> Host:
    """Return what this process may use, and whether Aer finds a GPU."""
    from qiskit_aer import AerSimulator

    has_gpu = "GPU" in AerSimulator().available_devices()
    return Host(len(os.sched_getaffinity(0)), free_memory_bytes(), ("cpu", "gpu") if has_gpu else ("cpu",))


def free_memory_bytes() -> float:
    """Return the memory that new work can have, by the kernel's estimate and the limit of the control group."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free_kib = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    group = Path("/sys/fs/cgroup")
    try:
        most, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no such group, or no limit
        return 1024.0 * free_kib
    return min(1024.0 * free_kib, float(most - used))


def why_not(table: TaskTable, n_qubits: NDArray[np.integer], host: Host, only: str = "") -> list[str]:
    """Return for each task why it cannot be done here; "" if it can.

    Args:
        table: The tasks.
        n_qubits: (n,) width of each circuit; 0: no circuit, -1: it cannot be read.
        host: The machine.
        only: The one class of device that is wanted; "": all that there are.
    """
    kinds, classes = word_texts(table.kind, table.n), word_texts(table.device_class, table.n)
    n_cores = np.ones(table.n, np.int32) if table.n_cores is None else np.maximum(table.n_cores, 1)
    known = entries("work")
    reasons = []
    n_gpus = np.zeros(table.n) if table.n_gpus is None else np.nan_to_num(table.n_gpus)
    needs = zip(kinds, classes, n_qubits.tolist(), n_cores.tolist(), n_gpus.tolist(), strict=True)
    for kind, device_class, width, cores, gpus in needs:
        if kind not in known:
            reasons.append(f"nothing here does work of kind {kind}" if kind else "its kind is not given")
        elif width <= 0:
            reasons.append("its circuit cannot be read" if width else "it names no circuit")
        elif not device_class:
            reasons.append("its class of device is not given")
        elif only and device_class != only:
            reasons.append(f"the card is of a {only}, not of a {device_class}")
        elif device_class not in host.device_classes:
            reasons.append(f"this machine has no {device_class}")
        elif gpus > 1:
            reasons.append("it needs several GPUs")
        elif cores > host.n_cores and device_class == "cpu":
            reasons.append(f"it needs more than {host.n_cores} cores")
        elif _STATE_BYTES * 2.0**width > _MEMORY_FRAC * host.memory_bytes:
            reasons.append("its state vector does not fit into the memory")
        else:
            reasons.append("")
    return reasons


def size_class(n_qubits: int) -> str:
    """Return the size class of a circuit in words, such as ``13–16 qubits``."""
    low = 1
    for high in _SIZES:
        if n_qubits <= high:
            return f"{low}–{high} qubits"
        low = high + 1
    return f"{low} qubits and more"
