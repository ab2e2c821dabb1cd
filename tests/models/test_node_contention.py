"""Tasks that share nodes: limits and arithmetic by hand, and held-out published bags."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError
from qhpcsim.models.gpu_card import card_names
from qhpcsim.models.node_contention import NodeContention, TaskBag
from tests.reference import REFERENCE_DATA, reference

FIT = data_dir("calibration") / "tasks"


def test_few_do_not_hinder_many_share_what_there_is() -> None:
    node = NodeContention(saturation=10.0, order=3.0)
    assert node.slowdown(0.1) == pytest.approx(1.0, abs=1e-6)
    assert node.slowdown(10.0) == pytest.approx(2 ** (1 / 3))
    assert node.throughput(1e4) == pytest.approx(10.0, rel=1e-6)
    loads = np.arange(1, 300)
    assert (np.diff(node.slowdown(loads)) > 0).all() and (np.diff(node.throughput(loads)) >= 0).all()
    assert (NodeContention(math.inf).slowdown(loads) == 1.0).all()


def test_waves_by_hand() -> None:
    """Ten tasks, two nodes of three slots: a wave of six, then four, two on each node."""
    node = NodeContention(saturation=2.0, order=2.0)
    bag = TaskBag(node, alone_s=5.0, start_up_s=7.0)
    expected = 5.0 * (math.hypot(1, 3 / 2) + math.hypot(1, 2 / 2))
    assert bag.work_s(10, 2, 3) == pytest.approx(expected)
    assert bag.makespan_s(10, 2, 3) == pytest.approx(7.0 + expected)
    assert bag.makespan_s(0, 2, 3) == 7.0


def test_the_longer_of_work_and_dispatch_decides() -> None:
    bag = TaskBag(NodeContention(math.inf), alone_s=1.0, dispatch_s=0.1, overlap_order=6.0)
    assert bag.makespan_s(100, 100, 10) == pytest.approx(10.0, rel=1e-6)
    assert bag.makespan_s(100, 1, 1) == pytest.approx(100.0, rel=1e-6)
    assert bag.makespan_s(100, 10, 1) == pytest.approx(10.0 * 2 ** (1 / 6))


@pytest.mark.parametrize("name", sorted(card_names("tasks")))
def test_every_card_opens(name: str) -> None:
    bag = TaskBag.open(name)
    assert bag.alone_s > 0 and bag.makespan_s(1000, 4, 64) > bag.makespan_s(1000, 8, 64) > 0


def test_a_bad_card_is_refused(tmp_path: Path) -> None:
    text = (FIT / "compression.yaml").read_text()
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("  saturation: {value: ", "  saturation: {value: 0, note: x, unit: tasks} #"))
    with pytest.raises(CardError, match="saturation: 0 is impossible"):
        TaskBag.open(str(path))
    path = tmp_path / "other.yaml"
    path.write_text(text.replace("  alone:", "  allone:"))
    with pytest.raises(CardError, match="did you mean: alone"):
        TaskBag.open(str(path))


@pytest.fixture
def fit_tasks(monkeypatch: pytest.MonkeyPatch):
    reference("seed/qma_workload_on_cpus.csv")
    monkeypatch.setenv("QHPCSIM_REFERENCE_DATA", str(REFERENCE_DATA))
    monkeypatch.syspath_prepend(str(FIT))
    import fit_tasks

    yield fit_tasks
    sys.modules.pop("fit_tasks", None)


def test_every_held_out_run_within_ten_percent(fit_tasks) -> None:
    n_rows = {"circuits_one_node": 5, "compression": 3, "circuits_cpu": 5, "circuits_gpu": 5}
    for series in fit_tasks.all_series():
        errors = series.held_out()
        assert len(errors) == n_rows[series.name]
        assert np.abs(errors).max() < 0.10, series.name


def test_shipped_cards_are_what_the_fit_writes(fit_tasks) -> None:
    for series in fit_tasks.all_series():
        fitted, shipped = series.bag(series.fit(np.ones(len(series.x), dtype=bool))), TaskBag.open(series.name)
        for told, found in (
            (shipped.alone_s, fitted.alone_s),
            (shipped.node.saturation, fitted.node.saturation),
            (shipped.start_up_s, fitted.start_up_s),
            (shipped.dispatch_s, fitted.dispatch_s),
        ):
            assert told == pytest.approx(found, rel=2e-3)
