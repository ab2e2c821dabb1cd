"""The report of a plan from the command line: written with the plan, drawn again, printed; mistakes."""

import json
import math
import shutil

import pytest

from qhpcsim.cli import main
from qhpcsim.report.capacity_data import read_capacity
from qhpcsim.report.print_page import BROWSERS
from qhpcsim.studies.plan import plan
from qhpcsim.studies.simulating import Workers
from tests.cli.test_plan import STUDY
from tests.report.test_capacity_page import Words


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Return the folder of a plan."""
    folder = tmp_path_factory.mktemp("plan")
    (folder / "study.yaml").write_text(STUDY)
    assert (
        main(["plan", str(folder / "study.yaml"), "--engine", "serial", "--quiet", "--out", str(folder / "out")]) == 0
    )
    return folder / "out"


def test_a_plan_leaves_its_report(planned, tmp_path, capsys):
    page = (planned / "report.html").read_text(encoding="utf-8")
    text = Words(page).text
    answer = json.loads((planned / "plan.json").read_text())
    nodes = answer["plan"]["choices"]["facility.nodes"]
    assert f"{nodes} nodes at {10 * int(nodes)} kEUR: the cheapest choice found that meets the constraint" in text
    assert {"growth", "uncertain", "models", "again"} <= set(Words(page).sections)
    assert "decide: facility.nodes: {values: [5, 8, 20], capital: 10}" in text  # the whole study is there
    assert "qhpcsim plan study.yaml --out out" in text
    assert main(["report", str(planned), "--out", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page
    assert "again.html" in capsys.readouterr().out


def test_what_the_report_rests_on_is_that_of_a_run(planned):
    answer = json.loads((planned / "plan.json").read_text())
    basis = answer["basis"]
    nodes = int(answer["plan"]["choices"]["facility.nodes"])
    assert basis["partitions"] == [
        {"name": "batch", "nodes": nodes, "cores_per_node": 1, "gpus_per_node": 0, "gpu_type": ""}
    ]
    assert basis["qpus"] == []
    assert {(each["kind"], each["name"]) for each in basis["rules"]} == {
        ("policy", "easy"), ("order", "fcfs"), ("generator", "poisson"),
    }  # fmt: skip


def test_numbers_come_back_as_they_were(planned):
    """What the page reads is what the plan knew, to the last digit; an interval that has no end stays without one."""
    answer = plan(planned.parent / "study.yaml", planned, Workers("serial"))
    assert answer.n_new == 0
    read = read_capacity(planned)
    shown = {json.dumps(answer.space.choices(each.point)): each for each in answer.shown}
    run = [point for point in read.points if point.seen[0] is not None]
    assert len(run) == len(shown)
    for point in run:
        each = shown[json.dumps(point.choices)]
        ends = [end if math.isfinite(end) else None for end in (each.limits[0].low, each.limits[0].high)]
        assert point.cost == each.objective
        assert (point.seen[0].mean, point.seen[0].low, point.seen[0].high) == (each.limits[0].mean, *ends)
        assert point.on_frontier == each.on_frontier
        assert point.is_plan == (each.point == answer.best.point)
    grown = read.answer["growth"][0]
    assert (grown["means"], grown["low"], grown["high"]) == tuple(
        [getattr(answer.growth[0].limits[0], name)] for name in ("mean", "low", "high")
    )


def test_the_command_names_the_report_unless_it_is_not_wanted(capsys, tmp_path, planned):
    study, out = planned.parent / "study.yaml", tmp_path / "out"
    shutil.copytree(planned, out)
    assert main(["plan", str(study), "--engine", "serial", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert f"report      {out / 'report.html'}" in told
    assert f"qhpcsim report {out} --pdf" in told.split("next:")[1]
    assert main(["plan", str(study), "--engine", "serial", "--out", str(out), "--no-report"]) == 0
    assert "report.html" not in capsys.readouterr().out
    assert not (out / "report.html").exists()  # an old one would be another plan's


@pytest.mark.skipif(
    not any(map(shutil.which, BROWSERS)), reason="no Chromium or Chrome on the PATH: nothing is printed"
)
def test_it_prints(capsys, tmp_path, planned):
    assert main(["report", str(planned), "--out", str(tmp_path / "r.html"), "--pdf"]) == 0
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    assert "r.pdf" in capsys.readouterr().out


def test_no_browser_leaves_the_page_and_says_what_to_do(capsys, tmp_path, planned, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["report", str(planned), "--out", str(tmp_path / "r.html"), "--pdf"]) == 2
    error = capsys.readouterr().err
    assert "no Chromium or Chrome is installed" in error and "apt install chromium" in error
    assert (tmp_path / "r.html").is_file()
    assert "Traceback" not in error


def test_a_plan_that_is_not_whole_is_refused(capsys, tmp_path):
    (tmp_path / "plan.json").write_text("{}")
    assert main(["report", str(tmp_path)]) == 2
    assert "give the command 'qhpcsim plan' of this study again" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nothing")]) == 2
    assert "no such run folder" in capsys.readouterr().err
