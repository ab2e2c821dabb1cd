"""Mixes of applications: laws, sizes, users, rigid jobs, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from qhpcsim.config import load
from qhpcsim.core.circuit_times import ConstantTimes
from qhpcsim.core.errors import ConfigError, FacilityError, QhpcsimError
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.middleware.applications import Applications
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import Partition
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.lublin import LublinWorkload
from qhpcsim.workloads.motif_mix import MotifMixWorkload, MotifShare, PilotShape, TraceFile
from qhpcsim.workloads.poisson import PoissonWorkload
from tests.job_tables import EASY

MACHINE = {"cpu": Partition(nodes=16, cores_per_node=4), "gpu": Partition(nodes=4, cores_per_node=8, gpus_per_node=4)}
MIX = MotifMixWorkload(
    n_applications=400,
    gaps=ServiceLaw("exponential", 100.0),
    share={
        "loop": MotifShare("vqe", 3.0, {"qubits": "4|6", "max_iterations": "3"}),
        "cut": MotifShare(
            "circuit_cutting",
            1.0,
            {"base_qubits": "10", "subcircuit_size": "5"},
            {"gpus": PilotShape("gpu", (1, 2), count=2), "cpus": PilotShape(nodes=(3,), walltime_s=50.0)},
        ),
    },
)


def mix(params=MIX, seed=1, machine=MACHINE):
    return lookup("generator", "motif_mix").target(params, machine, Rng(seed))


def test_arrivals_kinds_and_sizes():
    work = mix()
    submit_s = np.array([each.submit_s for each in work.applications])
    assert (np.diff(submit_s) >= 0).all() and submit_s[-1] / 400 == pytest.approx(100.0, rel=0.15)
    kinds = [each.name.split("-")[0] for each in work.applications]
    assert kinds.count("loop") / 400 == pytest.approx(0.75, abs=0.06)
    qubits = [each.params.qubits for each in work.applications if each.motif == "vqe"]
    assert qubits.count(4) / len(qubits) == pytest.approx(0.5, abs=0.1) and set(qubits) == {4, 6}
    cuts = [each for each in work.applications if each.motif == "circuit_cutting"]
    assert {(len(each.pilots), each.pilots[2].nodes, each.pilots[2].partition) for each in cuts} == {(3, 3, "cpu")}
    assert {ask.nodes for each in cuts for ask in each.pilots[:2]} == {1, 2}
    assert {ask.partition for each in cuts for ask in each.pilots[:2]} == {"gpu"}
    assert len({each.name for each in work.applications}) == 400 and work.table.n == 0
    assert len({each.user for each in work.applications}) > 3


def test_equal_seeds_equal_work_and_one_more_changes_nothing_before():
    assert mix().applications == mix().applications and mix(seed=2).applications != mix().applications
    longer = mix(replace(MIX, n_applications=401)).applications
    assert [each.submit_s for each in longer[:400]] == [each.submit_s for each in mix().applications]


def test_rigid_jobs_beside_them(tmp_path):
    poisson = replace(MIX, background="poisson", poisson=PoissonWorkload(n_jobs=50))
    lublin = replace(MIX, background="lublin", lublin=LublinWorkload(n_jobs=40))
    assert mix(poisson).table.n == 50 and mix(lublin).table.n == 40
    assert [each.params for each in mix(poisson).applications] == [each.params for each in mix().applications]
    trace = tmp_path / "log.swf"
    rows = [f"{k} {10 * k} -1 5 2 -1 -1 2 9 -1 1 1 1 -1 1 -1 -1 -1" for k in range(1, 8)]
    trace.write_text("; MaxProcs: 16\n" + "\n".join(rows) + "\n")
    given = TraceFile(str(trace), max_jobs=5, load_scale=2.0)
    table = mix(replace(MIX, background="trace", trace=given)).table
    assert table.n == 5 and np.diff(table.submit_s).tolist() == [5.0] * 4


@pytest.mark.parametrize(
    ("change", "words"),
    [({"n_applications": 0}, "0"), ({"background": "lubin"}, "lubin"),
     ({"background": "trace"}, "no file"), ({"walltime_factor": 0.0}, "0.0"),
     ({"share": {"a": MotifShare("vqe", 0.0)}}, "weights"), ({"share": {"a": MotifShare("vqe", np.nan)}}, "weights"),
     ({"share": {"a": MotifShare("vqa")}}, "vqa"), ({"share": {"a": MotifShare("vqe", 1.0, {"qubit": "3"})}}, "qubit"),
     ({"share": {"a": MotifShare(pilots={"p": PilotShape("gpus")})}}, "gpus"),
     ({"share": {"a": MotifShare(pilots={"p": PilotShape(nodes=(17,))})}}, "17"),
     ({"share": {"a": MotifShare(pilots={"p": PilotShape(count=0)})}}, "impossible")],
)  # fmt: skip
def test_what_is_refused(change, words):
    with pytest.raises(QhpcsimError, match=words):
        mix(replace(MIX, **change))


def test_places_of_mistakes():
    with pytest.raises(ConfigError) as caught:
        mix(replace(MIX, share={"a": MotifShare("vqe", 1.0, {"qubit": "3"})}))
    assert caught.value.where == "workload.share.a.settings" and caught.value.suggestion == "qubits"
    with pytest.raises(FacilityError, match="pilots need nodes"):
        mix(machine={})


def test_a_mix_runs_to_its_end():
    work = mix(replace(MIX, n_applications=30, background="poisson", poisson=PoissonWorkload(n_jobs=60, load=0.4)))
    made = Applications(work, ConstantTimes(5.0, 2.0), MACHINE, EASY, service=QpuService(), rng=Rng(1))
    made.simulate()
    loops = [run for run in made.runs if run.workflow.motif == "vqe"]
    assert {run.state for run in loops} == {"COMPLETED"} and len(loops) > 15
    # a cutting counts on all of its pilots; where one comes late, the walltime of the other may end tasks
    assert {run.state for run in made.runs} <= {"COMPLETED", "INCOMPLETE", "STRANDED"}
    assert made.tasks().n == sum(
        len(stage.tasks) + len(stage.calls) or 1 for run in made.runs for stage in run.stages if stage.started_s >= 0
    )
    jobs, _ = made.centre.outcome()
    assert jobs.n == 60 + len(made.pilots)


def test_the_default_runs_on_a_qpu_alone():
    work = mix(MotifMixWorkload(n_applications=3), machine={})
    assert [each.motif for each in work.applications] == ["vqe"] * 3


def test_a_mix_that_names_kinds_has_those_alone():
    scenario = load(
        "replay",
        ["workload=motif_mix", "workload.share={mine: {motif: qaoa}}", "qpu=single", "workload.n_applications=30"],
    )
    assert list(scenario.workload.share) == ["mine"]
    assert {each.motif for each in mix(scenario.workload, machine={}).applications} == {"qaoa"}
