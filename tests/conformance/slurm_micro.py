"""The real Slurm run of 500 jobs on a 10-node test cluster, and the cluster as a scenario's facility and policy.

Facts from the published slurm.conf, topology.conf and set-up of the run (ubccr-slurm-simulator/slurm_sim_tools).
"""

from __future__ import annotations

import csv
import gzip
from datetime import datetime
from typing import NamedTuple

import numpy as np

from qhpcsim.core.records import Categories, FloatArray, JobTable
from qhpcsim.policies.batch.multifactor import SlurmPolicy
from qhpcsim.scenario import NodeGroup, Partition, Scheduler
from tests.reference import reference

MIB = 2.0**20
HOUR_S = 3600.0
_FOLDER = "conformance/slurm_micro"

PARTITION = Partition(
    nodes=10,
    cores_per_node=12,
    memory_per_node_bytes=48000 * MIB,
    sharing="cores",
    groups={
        "n": NodeGroup(4, ("IB", "CPU-N"), switch="IBN"),
        "m": NodeGroup(4, ("IB", "CPU-M"), switch="IBM"),
        "b1": NodeGroup(1, ("IB", "CPU-G", "BigMem"), memory_per_node_bytes=512000 * MIB, switch="IBG"),
        "g1": NodeGroup(1, ("IB", "CPU-G"), gpus_per_node=2, switch="IBG"),
    },
)
"""Slurm orders nodes by name, hence b1 before g1 on their switch."""

POLICY = SlurmPolicy(
    weight_age=50000,
    weight_fairshare=50000,
    weight_job_size=200000,
    weight_partition=1000000,
    weight_qos=20000,
    max_age_s=5 * HOUR_S,
    decay_half_life_s=4 * HOUR_S,
    fairshare="classic",
    damping=5,
    shares={"root": 1, "account0": 100, "account1": 100, "account2": 100},
    size_counts_nodes=False,
    default_queue_depth=1200,
    bf_max_job_user=20,
)
"""FairShareDampeningFactor belongs to the classic algorithm; jobs were submitted with -n and without -N."""

CYCLES = Scheduler(interval_s=60, bf_interval_s=30, bf_window_s=4320 * 60, bf_max_job_test=1200, bf_resolution_s=60)


class RealRun(NamedTuple):
    """What was submitted, and when Slurm started and ended it, in seconds since the first submission's minute."""

    table: JobTable
    start_s: FloatArray
    end_s: FloatArray


def real_run() -> RealRun:
    """Return the jobs and what Slurm did with them; skips the test where the files are absent."""
    with reference(f"{_FOLDER}/jobs500.csv").open(newline="") as file:
        asked = list(csv.DictReader(file, delimiter=";"))
    with gzip.open(reference(f"{_FOLDER}/slurm_acct.out.gz"), "rt", newline="") as file:
        done = list(csv.DictReader(file, delimiter="|"))
    assert [job["job_id"] for job in asked] == [job["JobID"] for job in done]
    submit_s, start_s, end_s = (np.array([_seconds(job[key]) for job in done]) for key in ("Submit", "Start", "End"))
    zero_s = np.floor(submit_s[0] / 60) * 60
    cores = np.array([int(job["ntasks_per_node"]) for job in asked], dtype=np.int32)
    memory = [float(job["mem"] or 2800 * per_node) * MIB for job, per_node in zip(asked, cores, strict=True)]
    table = JobTable(
        job_id=np.array([int(job["job_id"]) for job in asked]),
        submit_s=submit_s - zero_s,
        runtime_s=end_s - start_s,
        walltime_s=np.array([float(job["wall_limit"]) * 60 for job in asked]),
        nodes=(np.array([int(job["n_tasks"]) for job in asked]) // cores).astype(np.int32),
        user=_words([job["user"] for job in asked]),
        account=_words([job["account"] for job in asked]),
        qos=_words([job["qos"] for job in asked]),
        feature=_words([job["constraint"] for job in asked]),
        gpus_per_node=np.array([int(job["gres"].partition(":")[2] or 0) for job in asked], dtype=np.int32),
        cores_per_node=cores,
        memory_per_node_bytes=np.array(memory),
    )
    return RealRun(table, start_s - zero_s, end_s - zero_s)


def _seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - datetime(2021, 1, 1)).total_seconds()


def _words(column: list[str]) -> Categories:
    names = tuple(sorted({word for word in column if word}))
    code = np.array([names.index(word) if word else -1 for word in column], dtype=np.int32)
    return Categories(code, names)
