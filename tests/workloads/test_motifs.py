"""Structure of every motif, by hand: how many tasks, in which order, what they add up to."""

import numpy as np
import pytest

from qhpcsim.core.circuit_times import CircuitRun, ConstantTimes, Simulator
from qhpcsim.core.errors import CircuitError, ConfigError
from qhpcsim.core.registry import lookup
from qhpcsim.core.workflow_records import Bag, Calls, ClientWork, Need, Workflow
from qhpcsim.workloads.motifs.circuit_cutting import CircuitCuttingParams, cuts_of
from qhpcsim.workloads.motifs.coupled import as_hybrid_job
from qhpcsim.workloads.motifs.error_mitigation import ErrorMitigationParams, multipliers
from qhpcsim.workloads.motifs.making import motif_params
from tests.middleware.hybrid_cases import run

TIMES = ConstantTimes(simulated_s=2.0, qpu_s=3.0)


def made(motif: str, seed: int = 0, times=TIMES, **settings) -> Workflow:
    """Return a motif's workflow with parameters given as text."""
    params = motif_params(motif, {name.replace("__", "."): str(value) for name, value in settings.items()})
    return lookup("motif", motif).target(params, np.random.default_rng(seed), times)


def names(flow: Workflow) -> list[str]:
    """Return the names of the stages."""
    return [stage.name for stage in flow.stages]


def test_circuit_execution_is_one_bag():
    flow = made("circuit_execution", qubits=10, num_entries=7, circuit_depth=3)
    (stage,) = flow.stages
    bag = stage.work
    assert isinstance(bag, Bag) and bag.run_s.tolist() == [2.0] * 7
    assert (bag.kind, bag.circuit, bag.need) == ("expectation", ("brickwork:10:depth=3",), Need(1.0, 1.0))
    assert len(bag.observable) == 10 and set(bag.observable) <= set("IXYZ") and set(bag.observable) != {"I"}
    assert (bag.device_class, bag.device, bag.shots) == ("gpu", "a100_80", 0)


def test_circuit_execution_on_a_qpu_runs_a_circuit_for_each_string():
    flow = made("circuit_execution", qubits=5, num_entries=4, size_of_observable=3, shots=100, device="qpu")
    calls = flow.stages[0].work
    assert isinstance(calls, Calls) and calls.qpu_s.tolist() == [9.0] * 4  # three circuits of 3 s in each job
    assert (calls.n_circuits, calls.shots, calls.n_qubits, calls.mode) == (3, 100, 5, "job")
    with pytest.raises(ConfigError, match="takes shots"):
        made("circuit_execution", device="qpu")
    with pytest.raises(ConfigError, match="neither shots nor an observable"):
        made("circuit_execution", size_of_observable=0)


def test_distributed_state_vector_runs_gangs_one_after_the_other():
    flow = made("distributed_state_vector", num_runs=3, n_wires=5, nodes=4)
    assert [stage.after for stage in flow.stages] == [(), (0,), (1,)]
    for stage in flow.stages:
        bag = stage.work
        assert bag.need == Need(0.0, 4, nodes=4) and bag.run_s.tolist() == [2.0]
        assert bag.observable == "ZIIII + IZIII + IIZII + IIIZI + IIIIZ"


@pytest.mark.parametrize(
    ("n", "reps", "size", "parts", "cuts", "experiments"),
    [(36, 1, 18, 2, 1, 12), (36, 1, 12, 3, 2, 108), (36, 1, 9, 4, 3, 864), (36, 1, 8, 5, 4, 6480),
     (34, 1, 12, 3, 2, 108), (36, 2, 18, 2, 2, 72), (30, 2, 12, 3, 4, 3888), (30, 2, 8, 4, 6, 4 * 6**6)],
)  # fmt: skip
def test_cuts_as_the_library_makes_them(n, reps, size, parts, cuts, experiments):
    """Counts of qiskit-addon-cutting 0.10 on EfficientSU2 with linear entanglement."""
    found = cuts_of(CircuitCuttingParams(base_qubits=n, reps=reps, subcircuit_size=size))
    assert (len(found.widths), found.gate_cuts, found.n_experiments) == (parts, cuts, experiments)
    assert sum(found.widths) == n and max(found.widths) == size


@pytest.mark.parametrize(
    ("size", "reps", "samples", "library"),
    [(12, 2, 1000, 2070), (10, 2, 1000, 2118), (8, 2, 1000, 3948), (6, 2, 1000, 5000), (4, 2, 1000, 8000),
     (8, 2, 5000, 19028), (6, 2, 5000, 24970), (4, 1, 5000, 39624), (2, 1, 5000, 75000)],
)  # fmt: skip
def test_samples_find_as_many_different_maps_as_in_the_library(size, reps, samples, library):
    """30 qubits; 690 or 706 of 1,296 maps by 1,000 draws, 4,757 of 46,656 by 5,000."""
    found = cuts_of(CircuitCuttingParams(base_qubits=30, reps=reps, subcircuit_size=size, num_samples=samples))
    assert found.n_experiments == pytest.approx(library, rel=0.015)


def test_wire_cuts_multiply_by_eight():
    found = cuts_of(CircuitCuttingParams(base_qubits=10, subcircuit_size=5, gate_cuts=1, wire_cuts=2, groups=3))
    assert found.n_experiments == 2 * 3 * 6 * 8 * 8
    with pytest.raises(ConfigError, match="0 gate and 1 wire"):
        cuts_of(CircuitCuttingParams(base_qubits=10, subcircuit_size=3, gate_cuts=0, wire_cuts=1))
    with pytest.raises(ConfigError, match="subcircuit_size"):
        cuts_of(CircuitCuttingParams(base_qubits=10, subcircuit_size=10))


def test_a_third_of_a_cut_gates_maps_measures_a_side():
    """384 of 864 at three cuts of a line, counted in the library."""
    found = cuts_of(CircuitCuttingParams(base_qubits=16, subcircuit_size=4))
    assert [found.n_measured(part) for part in range(4)] == [72, 120, 120, 72]
    assert found.touching == (1, 2, 2, 1)


def test_cutting_fans_out_and_in():
    phases = {"find_s": 1, "generate_s": 2, "transpile_s": 3, "reconstruct_s": 4}
    flow = made("circuit_cutting", base_qubits=10, subcircuit_size=5, shots=100, full_circuit="true", **phases)
    assert names(flow) == ["full circuit", "find", "generate", "transpile", "sub-experiments", "reconstruct"]
    assert [stage.after for stage in flow.stages] == [(), (0,), (1,), (2,), (3,), (4,)]
    assert [s.work.seconds for s in flow.stages if isinstance(s.work, ClientWork)] == [1.0, 2.0, 3.0, 4.0]
    bag = flow.stages[4].work
    assert len(bag.run_s) == 12 and bag.kind == "sub_experiments"
    assert bag.circuit.count("sub_experiment:5:reps=1") == 4  # two of each side's six measure
    assert bag.circuit.count("efficient_su2:5:reps=1") == 8


def test_sub_experiments_in_batches():
    one = made("circuit_cutting", base_qubits=10, subcircuit_size=5, experiments_per_task=3).stages[3].work
    # each side: 4 without measurements on the way in tasks of 3 and 1, 2 with them in one task
    assert one.n_circuits.tolist() == [3, 1, 2, 3, 1, 2]
    assert one.run_s.tolist() == [6.0, 2.0, 4.0, 6.0, 2.0, 4.0]
    whole = made("circuit_cutting", base_qubits=10, subcircuit_size=5, experiments_per_task=0).stages[3].work
    assert whole.n_circuits.tolist() == [6, 6] and whole.run_s.tolist() == [12.0, 12.0]
    assert whole.circuit == ("", "")  # two kinds of circuit have no name together


def test_cutting_on_qpus_waits_for_all_its_jobs():
    flow = made("circuit_cutting", base_qubits=10, subcircuit_size=5, device="qpu", experiments_per_task=0)
    calls = [k for k, stage in enumerate(flow.stages) if isinstance(stage.work, Calls)]
    assert [flow.stages[k].after for k in calls] == [(2,)] * 4
    assert flow.stages[-1].after == tuple(calls)
    assert sum(flow.stages[k].work.n_circuits * len(flow.stages[k].work.qpu_s) for k in calls) == 12


@pytest.mark.parametrize("motif", ["vqe", "qaoa"])
def test_variational_loop_goes_round(motif):
    given = {"iterations": 4, "iterations_cv": 0, "prepare_s": 5, "optimise_s": 0.5, "finish_s": 1}
    flow = made(motif, qubits=8, parameter_sets=3, groups=2, shots=10, **given)
    assert len(flow.stages) == 2 + 2 * 4
    assert [stage.after for stage in flow.stages] == [(), *((k,) for k in range(9))]
    evaluations = [stage.work for stage in flow.stages if isinstance(stage.work, Calls)]
    assert [(calls.n_circuits, calls.mode, calls.qpu_s.tolist()) for calls in evaluations] == [
        (6, "session", [18.0])
    ] * 4
    assert sum(stage.work.seconds for stage in flow.stages if isinstance(stage.work, ClientWork)) == 5 + 4 * 0.5 + 1


def test_variational_loop_on_simulators_is_a_bag_each_time():
    flow = made("vqe", qubits=8, parameter_sets=2, groups=5, device="gpu:a100_80", iterations=3, iterations_cv=0)
    bags = [stage.work for stage in flow.stages if isinstance(stage.work, Bag)]
    assert [bag.run_s.tolist() for bag in bags] == [[2.0] * 10] * 3
    assert bags[0].kind == "sampling" and bags[0].circuit == ("efficient_su2:8:reps=2",)


def test_convergence_is_drawn_up_front():
    """Medians of the card: 606.5 iterations at 6 qubits, stopped at 1,500 from 14 on."""
    lengths = [len(made("vqe", seed, qubits=6).stages) // 2 - 1 for seed in range(60)]
    assert np.mean(lengths) == pytest.approx(606.5, rel=0.06) and len(set(lengths)) > 40
    assert {len(made("vqe", 1, qubits=20, iterations=9000).stages) // 2 - 1} == {1500}


def test_training_is_one_task_or_an_epoch_at_a_time():
    one = made("qml_training", n_epochs=10, population=6)
    assert one.stages[0].work.run_s.tolist() == [120.0] and one.stages[0].work.n_circuits.tolist() == [60]
    many = made("qml_training", n_epochs=10, population=6, parallel="true")
    assert len(many.stages) == 10 and all(stage.work.run_s.tolist() == [2.0] * 6 for stage in many.stages)
    default = made("qml_training", n_epochs=1, parallel="true")  # 48 angles: 4 + floor(3 ln 48) = 15
    assert len(default.stages[0].work.run_s) == 15


def test_classifier_batches():
    """Batches that the card was not fitted to, measured on an A100, within 10 %."""
    for size, jit, vmap, seconds in [
        (4, True, True, 0.004944),
        (16, True, True, 0.005034),
        (64, True, True, 0.005451),
        (16, True, False, 0.07983),
        (64, False, True, 0.9924),
        (64, False, False, 46.30),
    ]:
        flow = made("qml_classifier", batch_size=size, jit=jit, vmap=vmap, n_batches=100, compile_s=0)
        assert flow.stages[0].work.predicted_s[0] / 100 == pytest.approx(seconds, rel=0.1)


def test_classifier_compiles_once_and_knows_its_qubits():
    flow = made("qml_classifier", n_batches=10, n_epochs=3, batch_s=2, compile_s=7, configurations=4)
    assert flow.stages[0].work.predicted_s.tolist() == [67.0] * 4
    assert made("qml_classifier", n_batches=1, batch_s=2, jit="false").stages[0].work.predicted_s.tolist() == [2.0]
    with pytest.raises(ConfigError, match="12 qubits were not measured"):
        made("qml_classifier", n_qubits=12)


@pytest.mark.parametrize(("slots", "tasks"), [(256, 250), (512, 500), (1024, 1000), (4096, 4000), (8192, 7500)])
def test_compression_is_one_wave(slots, tasks):
    bag = made("qml_compression", slots=slots, image_s=2).stages[0].work
    assert len(bag.run_s) == tasks and bag.predicted_s.tolist() == [60000 / tasks * 2] * tasks


def test_compression_divides_unevenly_if_told():
    flow = made("qml_compression", n_samples=10, batches=4, image_s=1, load_s=30)
    assert flow.stages[0].work.predicted_s.tolist() == [3.0, 3.0, 2.0, 2.0] and flow.load_s == 30.0


def test_mitigation_multiplies_jobs_not_times():
    plain = {"base__qubits": 4, "base__iterations": 2, "base__iterations_cv": 0, "base__groups": 1, "base__shots": 100}
    flow = made("error_mitigation", methods="zne,readout", readout_circuits=4, noise_factors="1,3,5", **plain)
    calls = [stage.work for stage in flow.stages if isinstance(stage.work, Calls)]
    # two circuits three times, mean length 3, and four more: 6 * 3 + 4 circuit lengths of 3 s
    assert [(each.n_circuits, each.qpu_s.tolist()) for each in calls] == [(10, [66.0])] * 2
    assert flow.motif == "error_mitigation" and calls[0].shots == 100


def test_error_cancellation_multiplies_shots_up_to_a_limit():
    found = multipliers(ErrorMitigationParams(methods=("pec",), gamma=1.01, n_2q=50))
    assert found.shots == pytest.approx(1.01**100) and found.circuits == 1
    assert multipliers(ErrorMitigationParams(methods=("pec",), gamma=1.5, n_2q=10**6)).shots == 100.0
    assert found.of(CircuitRun("ghz:2", 1000)).shots == int(np.ceil(1000 * 1.01**100))
    for wrong in ({"methods": ("zen",)}, {"noise_factors": (0.5,)}, {"methods": ("pec",), "gamma": 0.9}):
        with pytest.raises(ConfigError):
            multipliers(ErrorMitigationParams(**wrong))


def test_mitigation_of_simulated_circuits_is_refused():
    with pytest.raises(ConfigError, match="runs nothing on a QPU"):
        made("error_mitigation", base="circuit_execution")
    assert made("error_mitigation", base="circuit_execution", base__device="qpu", base__shots=5).stages


def test_diagonalisation_rounds_wait_for_all_batches():
    flow = made("sample_based_diagonalisation", batches=3, iterations=2, nodes=8, eigen_s=100, eigen_cv=0)
    assert [stage.after for stage in flow.stages] == [(), (0,), (1,)]
    assert flow.stages[0].work.shots == 100_000
    for stage in flow.stages[1:]:
        assert stage.work.need == Need(0.0, nodes=8) and stage.work.run_s.tolist() == [100.0] * 3
    assert made("sample_based_diagonalisation", sampling_jobs=3).stages[0].work.shots == 33334


def test_pipeline_joins_end_to_end():
    flow = made("pipeline", stages="circuit_cutting,qml_classifier", circuit_cutting__base_qubits=10,
                circuit_cutting__subcircuit_size=5, qml_classifier__configurations=2)  # fmt: skip
    assert [stage.after for stage in flow.stages] == [(), (0,), (1,), (2,), (3,), (4,)]
    assert names(flow)[-1] == "2 qml_classifier: training"
    assert flow.needs() == [Need(1.0, 1.0)]
    assert made("pipeline").load_s > 0  # that of the compression
    with pytest.raises(ConfigError, match=r"vqe\.qubits"):
        made("pipeline", vqe__qubits=4)


def test_join_waits_for_every_end():
    flow, other = Workflow("a", "m"), Workflow("b", "m")
    first = flow.add("first", ClientWork(1.0))
    flow.add("left", ClientWork(1.0), (first,))
    flow.add("right", ClientWork(1.0), (first,))
    other.add("x", ClientWork(1.0))
    other.add("y", ClientWork(1.0), ())
    other.add("z", ClientWork(1.0), (0, 1))
    flow.join(other)
    assert [stage.after for stage in flow.stages] == [(), (0,), (0,), (1, 2), (1, 2), (3, 4)]


@pytest.mark.parametrize(
    ("motif", "name", "text"),
    [("vqe", "qubit", "3"), ("vqe", "qubits", "three"), ("vqe", "qubits", "3.5"), ("qml_training", "parallel", "yes"),
     ("circuit_cutting", "find_s", "-3"), ("circuit_cutting", "shots", "0"), ("vqe", "max_iterations", "0"),
     ("distributed_state_vector", "nodes", "0"), ("vqe", "qubits", "1e400")],
)  # fmt: skip
def test_wrong_parameters_are_refused_in_words(motif, name, text):
    with pytest.raises(ConfigError):
        made(motif, **{name: text})


def test_parameters_from_text():
    params = motif_params("circuit_cutting", {"find_s": "2min", "gate_cuts": "none", "shots": "1e3"})
    assert (params.find_s, params.gate_cuts, params.shots) == (120.0, None, 1000)
    with pytest.raises(ConfigError) as caught:
        motif_params("vqe", {"qubit": "3"}, "workload.share.a.settings")
    assert caught.value.suggestion == "qubits"


def test_simulators_by_name():
    assert Simulator.of("cpu:here") == Simulator("cpu", "here")
    for text in ("gpu", "tpu:x", "gpu:"):
        with pytest.raises(ConfigError):
            Simulator.of(text)


def test_part_of_a_cut_circuit_measures_on_the_way():
    from qhpcsim.circuits.cost import circuit_cost
    from qhpcsim.circuits.named import named_circuit

    assert not circuit_cost(named_circuit("sub_experiment:4:reps=1"), shots=50).sampleable
    assert circuit_cost(named_circuit("sub_experiment:4:reps=2,measured=0"), shots=50).sampleable
    with pytest.raises(CircuitError, match="measured=3"):
        named_circuit("sub_experiment:4:reps=2,measured=3")


def test_a_loop_as_a_hybrid_job():
    given = {"iterations": 3, "iterations_cv": 0, "prepare_s": 5, "optimise_s": 0.5, "finish_s": 1}
    job = as_hybrid_job(made("vqe", qubits=8, parameter_sets=1, groups=2, **given), nodes=4, walltime_s=90.0)
    assert job.cpu_s.tolist() == [5.0, 0.5, 0.5] and job.qpu_s.tolist() == [[6.0]] * 3 and job.last_s == 1.5
    assert (job.nodes, job.walltime_s, job.n_calls) == (4, 90.0, 3)
    with pytest.raises(ConfigError, match="no client work or QPU call"):
        as_hybrid_job(made("qml_classifier"), nodes=1)


def test_a_loop_under_a_coupling_takes_what_its_phases_add_up_to():
    given = {"iterations": 3, "iterations_cv": 0, "prepare_s": 5, "optimise_s": 0.5, "finish_s": 1}
    job = as_hybrid_job(made("vqe", qubits=8, parameter_sets=1, groups=2, **given), nodes=4)
    done = run([job], "hold", nodes=4)
    assert done.runs[0].ended_s == 5 + 3 * 6 + 3 * 0.5 + 1
