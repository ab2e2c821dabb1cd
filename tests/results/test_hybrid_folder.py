"""The folder of a run with hybrid jobs: read back as written, and run again from its own scenario."""

import numpy as np
import pytest

import qhpcsim
from qhpcsim.core.errors import RunFolderError
from qhpcsim.results.result import Result
from qhpcsim.results.run_folder import read_jobs
from tests.report.hybrid_made import study


@pytest.fixture(scope="module")
def result():
    return qhpcsim.simulate(qhpcsim.load("coupling_study", ["coupling=split", "baseline=fcfs"]))


def test_tables_are_read_back_as_written(result, tmp_path):
    run = Result.read(result.write(tmp_path / "run"))
    data = result.hybrid.data
    assert run.hybrid["job_id"].tolist() == list(data.name)
    assert run.hybrid["held_node_s"].tolist() == data.held_node_s.tolist()
    assert run.phases["end_s"].tolist() == data.phase_end_s.tolist()
    assert np.array_equal(run.hybrid["cpu_s"], data.spent_s[:, 1])


@pytest.mark.parametrize("lost", ["hybrid.csv", "phases.csv"])
def test_a_missing_table_is_named(lost, result, tmp_path):
    folder = result.write(tmp_path / "run")
    (folder / lost).unlink()
    with pytest.raises(RunFolderError, match=lost):
        Result.read(folder)


def test_the_baseline_has_its_own_rows(result, tmp_path):
    """Pieces of split jobs are submitted in another order under another policy."""
    jobs = read_jobs(result.write(tmp_path / "run") / "baseline_jobs.csv")
    assert result.baseline.table.job_id.tolist() != result.table.job_id.tolist()
    assert jobs["waiting_time"].mean() == pytest.approx(result.summary["baseline"]["mean_wait_s"], rel=1e-12)


@pytest.mark.parametrize("coupling", ["hold", "exclusive", "vqpu"])
def test_the_scenario_of_a_run_makes_it_again(coupling, tmp_path):
    """Also where the coupling added a partition of QPUs or tokens to a facility of one."""
    first = study(f"coupling={coupling}")
    folder = first.write(tmp_path / "run")
    again = qhpcsim.simulate(qhpcsim.load(folder / "scenario.yaml"))
    assert again.summary == first.summary
    assert {name: part.nodes for name, part in again.partitions.items()} == {
        name: part.nodes for name, part in Result.read(folder).partitions.items()
    }
