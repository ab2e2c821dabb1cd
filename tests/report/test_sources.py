"""A report from memory and one from the run's folder are the same."""

import subprocess
import sys

import pytest

from qhpcsim.core.errors import RunFolderError
from qhpcsim.report import write_report
from qhpcsim.report.columns import job_columns, scheduled_columns
from qhpcsim.results.result import Result
from qhpcsim.scenario import Facility, Partition, Scenario
from tests.report.synthetic import five, two_partitions


def result(made, zero_s=0.0):
    jobs, plan, parts = made
    jobs.zero_s = zero_s
    return Result(Scenario(name="made up", facility=Facility(partitions=parts)), jobs, plan, parts, {"seed": 0})


@pytest.mark.parametrize("made", [five, lambda: two_partitions(200)])
def test_same_page_from_memory_and_folder(made, tmp_path):
    run = result(made(), zero_s=1000.0)
    folder = run.write(tmp_path / "run")
    direct = write_report(run, tmp_path / "a.html")
    again = write_report(folder, tmp_path / "b.html")
    assert direct == tmp_path / "a.html"
    assert direct.read_bytes() == again.read_bytes()


def test_a_machine_without_named_partitions_keeps_its_figures(tmp_path):
    jobs, plan, parts = five()
    run = Result(Scenario(facility=Facility(nodes=8)), jobs, plan, {"batch": Partition(nodes=8)}, {"seed": 0})
    assert len(parts) == 1
    direct = write_report(run, tmp_path / "a.html").read_text(encoding="utf-8")
    assert write_report(run.write(tmp_path / "run"), tmp_path / "b.html").read_text(encoding="utf-8") == direct
    assert "75.7 %" in direct


def test_columns_from_frame_and_from_arrays_agree():
    run = result(two_partitions(300), zero_s=50.0)
    one, two = job_columns(run.jobs), scheduled_columns(run.table, run.schedule)
    for name in ("submit_s", "start_s", "finish_s", "nodes", "rejected", "range_job", "range_lo", "range_hi"):
        assert getattr(one, name).tolist() == getattr(two, name).tolist()


@pytest.mark.parametrize("lost", ["jobs.csv", "summary.json", "card.json", "scenario.yaml"])
def test_damaged_folder_is_one_clear_error(lost, tmp_path):
    folder = result(five()).write(tmp_path / "run")
    (folder / lost).write_text("{[ \x00", encoding="utf-8")
    with pytest.raises(RunFolderError, match=lost.split(".")[0]):
        write_report(folder, tmp_path / "report.html")
    (folder / lost).unlink()
    with pytest.raises(RunFolderError, match=lost.split(".")[0]):
        write_report(folder, tmp_path / "report.html")


def test_importing_the_room_loads_no_drawing_library():
    code = "import sys, qhpcsim.report; assert not {'matplotlib', 'seaborn', 'jinja2', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_needs_neither_seaborn_nor_pyplot():
    code = (
        "import sys; from tests.report.builds import run_data; from tests.report.synthetic import five\n"
        "from qhpcsim.report.page import render; render(run_data(five()))\n"
        "assert not {'matplotlib.pyplot', 'seaborn', 'pandas', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
