"""What tests of the middleware share."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from qhpcsim.core.data import data_dir
from tests.reference import reference

FILES = (
    "seed/pq_result_benchmark.csv",
    "seed/qma_compression_results_multinode.csv",
    "seed/qma_dreamer_multiple-qpus-dreamer-rr.csv",
    "seed/qma_classifier_training_loop_data.csv",
    "seed/pq_circuit_execution_task-metrics.csv",
    "timings/published_timings.csv",
)
"""Published runs that the scripts of ``calibration/middleware`` read."""


@pytest.fixture(scope="session")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """Return the scripts by name; skips where the published runs are absent."""
    for name in FILES:
        reference(name)
    folder = str(data_dir("calibration") / "middleware")
    sys.path.insert(0, folder)
    try:
        names = ("seed_rows", "seed_runs", "seed_checks", "fit_backends", "fit_applications")
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(folder)
