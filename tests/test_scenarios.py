"""Shipped scenarios: what they promise, their watts, logs in the background, and the published runs they give."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

import qhpcsim
from qhpcsim.cli.headline import headline
from qhpcsim.config.names import group_files
from qhpcsim.core.cards import card
from qhpcsim.core.errors import ConfigError
from tests.reference import reference

WATTS = {
    ("hybrid_centre", "cpu"): "perlmutter_cpu",
    ("hybrid_centre", "a100"): "perlmutter_a100",
    ("hybrid_centre", "h100"): "dgx_h100",
    ("hybrid_centre", "b200"): "dgx_b200",
    ("perlmutter", "cpu"): "perlmutter_cpu",
    ("perlmutter", "a100"): "perlmutter_a100",
    ("small_centre", "cpu"): "cpu_node_64",
    ("small_centre", "h100"): "h100_node",
    ("small_centre_qpu", "qpu"): "cpu_node_64",
}
"""(facility, partition) -> card of its watts."""
FEW = ("workload.n_applications=4", "workload.background=trace")


@pytest.fixture(scope="module")
def quickstart():
    return qhpcsim.simulate(qhpcsim.load("quickstart"))


def test_the_quickstart_is_a_day_of_the_hybrid_centre(quickstart):
    scenario, centre = quickstart.scenario, qhpcsim.load("hybrid_centre")
    assert (scenario.facility, scenario.qpu, scenario.middleware) == (centre.facility, centre.qpu, centre.middleware)
    motifs = {each.motif for each in scenario.workload.share.values()}
    assert motifs == {each.motif for each in centre.workload.share.values()}
    figures = quickstart.summary["workflows"]
    assert set(figures["by_motif"]) == motifs
    assert figures["n_completed"] == 24
    assert {job.split("-")[0] for job in map(str, quickstart.table.job_id)} >= {"bag", "cutting", "training", "sqd"}


def test_its_answer_compares_applications_and_waits(quickstart):
    new, old = quickstart.summary, quickstart.baseline.summary
    assert old["workflows"]["mean_time_to_solution_s"] > new["workflows"]["mean_time_to_solution_s"]
    assert old["mean_wait_s"] > new["mean_wait_s"]
    assert quickstart.answer.startswith("EASY backfilling cut the mean time to solution of 24 applications from ")
    assert " against FCFS, and cut the mean wait of batch jobs, pilots among them, from " in quickstart.answer


def test_its_tables_fit_on_a_screen(quickstart):
    lines = headline(quickstart.scenario, quickstart).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines[:-1])) <= 120  # the answer is a sentence that wraps


@pytest.mark.slow
def test_what_the_docs_say_of_ten_days():
    cuts, waits = [], []
    for seed in range(1, 11):
        result = qhpcsim.simulate(qhpcsim.load("quickstart", [f"seed={seed}"]))
        new, old = result.summary, result.baseline.summary
        times = [each["workflows"]["mean_time_to_solution_s"] for each in (new, old)]
        cuts.append(100 * (1 - times[0] / times[1]))
        waits.append(100 * (1 - new["mean_wait_s"] / old["mean_wait_s"]))
    assert (min(cuts), float(np.median(cuts)), max(cuts)) == pytest.approx((0, 19, 74), abs=1)
    assert (min(waits), max(waits)) == pytest.approx((51, 71), abs=1)


@pytest.mark.parametrize(("facility", "partition"), WATTS)
def test_watts_are_those_of_the_cards(facility, partition):
    found = qhpcsim.load("small_centre", [f"facility={facility}"]).facility.partitions[partition]
    entries = card(f"nodes/{WATTS[facility, partition]}").entries
    assert (found.idle_w, found.busy_w) == (entries["idle"].value, entries["busy"].value)


def test_every_partition_with_watts_has_a_card():
    stated = {
        (name, partition)
        for name, path in group_files("facility").items()
        for partition, values in yaml.safe_load(path.read_text(encoding="utf-8"))["partitions"].items()
        if "busy_w" in values
    }
    assert stated == set(WATTS)


def test_watts_of_perlmutter_nodes_are_sums_of_their_parts():
    gpu_w, cpu_w, memory_w, nic_w = (88.0, 300.0), (90.0, 280.0), 74.26, 20.0
    for k, key in enumerate(("idle", "busy")):
        a100_w = 4 * gpu_w[k] + cpu_w[k] + memory_w + 4 * nic_w
        assert card("nodes/perlmutter_a100").value(key) == pytest.approx(a100_w, abs=0.5)
        assert card("nodes/perlmutter_cpu").value(key) == pytest.approx(2 * cpu_w[k] + 2 * memory_w + nic_w, abs=0.5)


def swf(path: Path, partition: int) -> str:
    """Write 20 jobs of one partition number, one a minute from 1,000 s on, and return the path."""
    rows = [f"{k} {940 + 60 * k} -1 600 {k} -1 -1 {k} 900 -1 1 1 1 -1 1 {partition} -1 -1" for k in range(1, 21)]
    path.write_text("; MaxProcs: 128\n" + "\n".join(rows) + "\n")
    return str(path)


def background(path: str, *more: str):
    """Return a run of the hybrid centre beside a log, and which of its batch jobs are the log's."""
    result = qhpcsim.simulate(qhpcsim.load("hybrid_centre", [*FEW, f"workload.trace.path={path}", *more]))
    return result, np.array([str(job).isdigit() for job in result.table.job_id])


def test_a_log_without_partitions_goes_where_its_jobs_fit(tmp_path):
    result, logged = background(swf(tmp_path / "log.swf", -1))
    assert logged.sum() == 20
    assert result.table.submit_s[logged].tolist() == [60.0 * k for k in range(20)]
    assert result.table.nodes[logged].tolist() == list(range(1, 21))
    ran_s = (result.schedule.end_s - result.schedule.start_s)[logged]
    assert ran_s.tolist() == pytest.approx([600.0] * 20)
    assert set(result.schedule.partition[logged].tolist()) == {0}
    assert (~logged).sum() > 0
    assert result.summary["n_rejected"] == 0
    assert list(result.card["inputs"]) == ["log.swf"]


def test_partition_numbers_of_a_log_are_refused_until_somebody_says_where(tmp_path):
    path = swf(tmp_path / "log.swf", 3)
    with pytest.raises(ConfigError, match=r"workload\.trace\.partition=cpu sends all its jobs there"):
        background(path)
    with pytest.raises(ConfigError, match="did you mean: a100"):
        background(path, "workload.trace.partition=a10")
    result, logged = background(path, "workload.trace.partition=a100")
    assert set(result.schedule.partition[logged].tolist()) == {1}
    assert result.summary["n_rejected"] == 0


def test_a_table_may_name_partitions(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("job_id,submit_s,nodes,runtime_s,walltime_s,partition\n1,0,2,50,60,a100\n2,5,1,20,30,h100\n")
    result, logged = background(str(path))
    assert result.schedule.partition[logged].tolist() == [1, 2]


def published(name: str, key: str, value: str) -> dict[int, float]:
    """Return a column of a published table by its first one."""
    with reference(f"seed/{name}").open(encoding="utf-8", newline="") as file:
        return {int(row[key]): float(row[value]) for row in csv.DictReader(file)}


def alone_s(kind: str, *more: str) -> float:
    """Return the seconds of one mini-app on its pilot, less the pilot's start."""
    others = [f"workload.share.{each}.weight=0" for each in ("execution", "cutting", "compression") if each != kind]
    scenario = qhpcsim.load("pilot_quantum", ["workload.n_applications=1", *others, *more])
    result = qhpcsim.simulate(scenario)
    start, doubling = (card(f"middleware/{scenario.middleware.backend}").entries.get(k) for k in _START)
    nodes = int(result.table.nodes[0])
    start_s = start.value + (doubling.value * np.log2(nodes) if doubling else 0.0)
    return float(result.summary["workflows"]["mean_time_to_solution_s"]) - start_s


_START = ("start", "start_per_doubling")


@pytest.mark.slow
def test_published_compression():
    measured_s = published("qma_compression_mean_std_multinode.csv", "number_of_nodes", "mean")
    for nodes, seconds in measured_s.items():
        told_s = alone_s(
            "compression",
            f"workload.share.compression.pilots.cpu.nodes=[{nodes}]",
            f"workload.share.compression.settings.slots={256 * nodes}",
        )
        assert told_s == pytest.approx(seconds, rel=0.08), nodes


@pytest.mark.slow
def test_published_circuit_execution():
    measured_s = published("qma_workload_on_gpus.csv", "gpus", "execution time")
    assert list(measured_s) == [4, 8, 16, 32, 64]
    for gpus, seconds in measured_s.items():
        nodes = f"workload.share.execution.pilots.gpu.nodes=[{gpus // 4}]"
        assert alone_s("execution", "middleware=dask_bag", nodes) == pytest.approx(seconds, rel=0.1), gpus


def test_a_log_that_states_what_jobs_ask_of_a_node_runs_on_a_number_of_nodes(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "job_id,submit_s,nodes,runtime_s,walltime_s,cores_per_node,gpus_per_node\n1,0,2,50,60,64,0\n2,10,1,50,60,16,4\n"
    )
    result = qhpcsim.simulate(qhpcsim.load("replay", [f"workload.path={path}", "facility.nodes=2"]))
    assert result.summary["n_completed"] == 2
