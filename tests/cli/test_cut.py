"""``qhpcsim cut``: what it plans, what it runs, and how it explains what is impossible."""

from __future__ import annotations

import csv
import json
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, Statevector

from qhpcsim.circuits.named import named_circuit
from qhpcsim.cli import main
from qhpcsim.core.registry import entries
from tests.execution.dask_clusters import cluster
from tests.reference import REFERENCE_DATA

PHASES = ["partition", "transpile", "generate", "deduplicate", "execute", "reconstruct"]
BAD = REFERENCE_DATA / "../badinputs"


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Return what a command prints, after checking its exit code; errors for code 2."""
    assert main(["cut", *words]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return err if code else out


def exact(name: str, observable: str) -> float:
    circuit = named_circuit(name).remove_final_measurements(inplace=False)
    return float(np.real(Statevector(circuit).expectation_value(SparsePauliOp(observable))))


def test_plan_ranks_explains_and_answers(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "plan", "ghz:8", "--target-stderr", "0.05")
    assert "ghz:8: 8 qubits; ZZZZZZZZ (no --observable given: Z on all qubits)" in text
    assert "standard error 0.05, 1 worker on amd_epyc_genoa_core" in text
    rows = [line for line in text.splitlines() if re.search(r" of \d+ ", line)]
    assert rows[0].startswith("→") and not any(row.startswith("→") for row in rows[1:])
    (cut,) = (row for row in rows if "4 + 4" in row)
    assert re.search(r" 9 +1 gate +4 \+ 4 +[\d,]+ +10 of 12 ", cut), "γ² of a CX is 9; of 12 circuits 10 differ"
    assert re.search(r"(execute|generate|partition|transpile|deduplicate|reconstruct) takes \d+ %", cut)
    assert re.search(r"predicted to take .* \(90 % between .* and .*\), [\d.,]+ times faster than", text)
    assert text.rstrip().endswith("qhpcsim cut run ghz:8 --target-stderr 0.05  # do it here")


def test_what_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    wide = said(capsys, "plan", "ghz:48", "--max-width", "24")
    assert "left out: no cut (parts of 48): 48 qubits at once, 24 allowed (--max-width, --memory)" in wide
    assert re.search(r"times faster than the next cut, \S+ \d+ \(.*\); in one piece it cannot be run\.", wide)
    assert re.search(r"than the best cut, ", said(capsys, "plan", "ghz:6"))
    alone = said(capsys, "plan", "tfim:12", "--max-cuts", "1")
    assert re.search(r"nothing else keeps the limits \(\d+ other ways do not\)", alone)


def test_plan_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "efficient_su2:8:reps=1", "--observable", "ZIIIIIIZ", "--observable", "XXIIIIII + 0.5*IIIIIIYY"]
    assert ", 2 allowed (--max-cuts)" in said(capsys, *words, "--max-cuts", "2")
    found = json.loads(said(capsys, *words, "--workers", "2", "--max-cuts", "2", "--json"))
    assert found["observables"] == ["ZIIIIIIZ", "XXIIIIII + 0.5*IIIIIIYY"]
    assert (found["workers"], found["device"], found["target_stderr"], found["n_qubits"]) == (2, "cpu", 0.01, 8)
    times = [each["predicted_s"] for each in found["candidates"]]
    assert times == sorted(times) and found["chosen"] == found["candidates"][0]["name"]
    for each in found["candidates"]:
        assert list(each["phases"]) == PHASES and sum(each["phases"].values()) == pytest.approx(each["predicted_s"])
        assert 0 < each["p5_s"] < each["predicted_s"] < each["p95_s"]
        assert each["n_cuts"] == each["n_gate_cuts"] + each["n_wire_cuts"] <= 2
        assert each["n_runs"] <= each["n_distinct"] <= each["n_experiments"] and each["n_shots"] >= each["n_runs"]
    assert found["refused"] and all(each["reason"] for each in found["refused"])


def test_run_gives_the_value_within_its_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    name, first, second = "efficient_su2:6:reps=1", "IIZZII", "ZIIIIZ"
    words = ["run", name, "--observable", first, "--observable", f"2*{second} - 0.5*IIIIII", "--target-stderr", "0.02"]
    found = json.loads(said(capsys, *words, "--candidate", "find_cuts 3", "--json"))
    truth = [exact(name, first), 2.0 * exact(name, second) - 0.5]
    assert found["chosen"] == "find_cuts 3" and found["value"] == found["values"][0]
    for value, stderr, expected in zip(found["values"], found["stderrs"], truth, strict=True):
        assert abs(value - expected) < 5.0 * stderr and 0.0 < stderr < 0.06
    assert found["stderr"] == found["stderrs"][0]
    assert list(found["phases"]) == PHASES
    for column in ("predicted_s", "measured_s"):
        assert sum(each[column] for each in found["phases"].values()) == pytest.approx(found[column])
    assert found["n_runs"] < found["n_experiments"] and found["n_resumed"] == 0


def test_run_tells_predicted_beside_measured(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "run", "ghz:5", "--observable", "ZIIIZ", "--target-stderr", "0.1")
    assert re.search(r"^ZIIIZ +1\.0+ ± 0\.0\d+$", text, re.MULTILINE)
    for phase in (*PHASES, "total"):
        assert re.search(rf"^{phase} +[\d.,]+ \S+ +[\d.,]+ \S+$", text, re.MULTILINE), phase
    assert "the 90 % interval of" in text and "next:" in text


def test_run_says_how_the_target_is_reached_and_reaches_it(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "efficient_su2:8:reps=1", "--observable", "ZIIIIIII", "--target-stderr", "0.02"]
    words += ["--candidate", "find_cuts 4", "--max-cuts", "2", "--seed", "1"]
    text = said(capsys, *words)
    line = next(line for line in text.splitlines() if "--reach-target" in line)
    again = shlex.split(line.partition("#")[0])[2:]
    assert json.loads(said(capsys, *again, "--json"))["stderr"] <= 1.01 * 0.02
    assert "# more shots" not in said(capsys, *again)


def test_all_within_a_budget(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "ghz:6", "--target-stderr", "0.05", "--all"]
    found = json.loads(said(capsys, *words, "--json"))
    planned = json.loads(said(capsys, "plan", "ghz:6", "--target-stderr", "0.05", "--json"))
    assert [each["chosen"] for each in found["runs"]] == [each["name"] for each in planned["candidates"]]
    assert not found["skipped"] and found["chosen"] == planned["chosen"]
    assert found["fastest"] == min(found["runs"], key=lambda each: each["measured_s"])["chosen"]
    assert all(abs(each["value"] - 1.0) < 5 * each["stderr"] for each in found["runs"])
    text = said(capsys, *words, "--budget", "1us")
    assert text.count("not run: ") == len(planned["candidates"]) and "Nothing was predicted to fit" in text
    text = said(capsys, *words)
    assert "was the fastest of" in text and text.count("±") >= 3


def test_seed_like_agrees_and_says_what_is_predicted(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "ghz:6", "--candidate", "find_cuts 3", "--target-stderr", "0.1", "--mode", "seed_like"]
    found = json.loads(said(capsys, *words, "--json"))
    assert found["mode"] == "seed_like" and abs(found["value"] - 1.0) < 5 * found["stderr"]
    assert found["n_runs"] == found["n_experiments"] == 12
    assert "are predicted for mode fast" in said(capsys, *words)


def test_a_stopped_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "ghz:9", "--candidate", "find_cuts 3", "--target-stderr", "0.004", "--seed", "3", "--json"]
    out, code = tmp_path / "out", "import sys; from qhpcsim.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "cut", *words, "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not n_kept(out):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "finished circuits are kept" in err and "give the same command again" in err and "Traceback" not in err
    kept = n_kept(out)
    resumed = json.loads(said(capsys, *words, "--out", str(out)))
    assert 0 < kept <= resumed["n_resumed"] < resumed["n_runs"]
    fresh = json.loads(said(capsys, *words))
    assert (resumed["value"], resumed["stderr"]) == (fresh["value"], fresh["stderr"])
    assert json.loads((out / "result.json").read_text())["value"] == fresh["value"]
    text = said(capsys, *(word for word in words if word != "--json"), "--out", str(out))
    assert re.search(r"beside what an earlier run did: (\d+) of \1 circuits", text)
    assert "holds the counts of other circuits" in said(capsys, *words, "--seed", "4", "--out", str(out), code=2)


def n_kept(out: Path) -> int:
    path = out / "find_cuts_3" / "cut_counts.sqlite"
    if not path.is_file():
        return 0
    try:
        with closing(sqlite3.connect(path)) as store:
            return int(store.execute("SELECT COUNT(*) FROM counts").fetchone()[0])
    except sqlite3.OperationalError:  # it is being made
        return 0


def test_a_run_on_the_workers_of_a_dask_cluster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same values as on workers of its own; when the cluster is gone, nobody else does the work."""
    file = tmp_path / "scheduler.json"
    words = ["run", "ghz:6", "--target-stderr", "0.1", "--workers", "2", "--seed", "3", "--candidate", "find_cuts 3"]
    with cluster(tmp_path) as (address, _):
        there = json.loads(said(capsys, *words, "--json", "--scheduler", address))
        told = said(capsys, *words, "--engine", "dask", "--scheduler", str(file))
    assert f"--engine dask --scheduler {file}" in told
    here = json.loads(said(capsys, *words, "--json"))
    assert (there["values"], there["stderrs"], there["n_runs"]) == (here["values"], here["stderrs"], here["n_runs"])
    monkeypatch.setattr("qhpcsim.execution.dask_cluster._CONNECT_S", 0.5)
    assert "no Dask scheduler answers" in said(capsys, *words, "--scheduler", address, code=2)


NOT_UNITARY = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
creg c[3];
h q[0];
reset q[0];
cx q[0],q[1];
measure q -> c;
"""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ghz:6", "--observable", "ZZ"], ["2 letters for a circuit of 6", "6 letters, such as ZIIIII"]),
        (["ghz:6", "--observable", "ZZQZZZ"], ["no sum of Pauli strings", "the last for qubit 0"]),
        (["ghz:6", "--observable", "IIIIII"], ["acts on no qubit"]),
        (["ghz:6", "--observable", ""], ["--observable: is empty", "such as ZZI"]),
        (["ghz:6", "--target-stderr", "1e-9"], ["estimated 1e+18 shots", "reach about 3.2e-05", "a larger"]),
        (["ghz:6", "--target-stderr", "0"], ["--target-stderr", "1e-09 or more"]),
        (["ghz:6", "--memory", "16B"], ["hold no qubit", "32 bytes or more"]),
        (["ghz:6", "--memory", "8XB"], ["--memory", "8GiB"]),
        (["ghz:6", "--machine", "nope"], ["'nope'", "amd_epyc_genoa_core", "qhpcsim calibrate cutting"]),
        (["ghz:6", "--machine", "nope.yaml"], ["nope.yaml"]),
        (["ghz:6", "--device", "h100sxm"], ["did you mean: h100_sxm"]),
        (["ghz:6", "--device", "tpu:v4"], ["gpu:CARD"]),
        (["ghz:6", "--strategy", "modeled"], ["did you mean: modelled"]),
        (["ghz:6", "--strategy", "fixed_width:with=3"], ["did you mean: width"]),
        (["ghz:6", "--strategy", "oracle"], ["without a measured time"]),
        (["ghz:6", "--partition", "AAB"], ["3 labels for a circuit of 6 qubits", "AAABBB"]),
        (["ghz:6", "--workers", "0"], ["workers: 0", "1 or more"]),
        (["ghz:6", "--budget", "1m"], ["--budget: belongs to cut run"]),
        (["gzh:6"], ["did you mean: ghz"]),
        (["missing.qasm"], ["missing.qasm", "No such file"]),
        (["ghz:40", "--max-cuts", "0"], ["40 qubits need 16,384 GiB", "at most", "more than --max-cuts 0"]),
        (["ghz:30", "--max-cuts", "0", "--device", "aqt_ibex"], ["30 qubits", "another device"]),
        (["ghz:36", "--max-cuts", "0", "--device", "a100_40"], ["needs 1,100 GB", "a100_40", "another device"]),
        (["ghz:0"], ["0 qubits", "1 to 10,000"]),
    ],
)
def test_impossible_plans(words: list[str], says: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "plan", *words, code=2)
    assert all(each in text for each in says), text


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (["ghz:6", "--max-width", "1"], "--max-width"),
        (["ghz:8", "--max-width", "4", "--max-cuts", "0"], "--max-width"),
        (["ghz:8", "--max-width", "2", "--max-cuts", "1"], "--max-cuts"),
        (["brickwork:8", "--max-width", "3", "--max-cuts", "1"], "--max-width"),
        (["ghz:8", "--memory", "100B", "--max-cuts", "1"], "--memory"),
        (["brickwork:36", "--max-cuts", "4"], "--max-cuts"),
        (["ghz:6", "--target-stderr", "0.0001", "--max-shots", "5000"], "--target-stderr"),
    ],
)
def test_the_nearest_alternative_that_is_named_can_be_met(
    words: list[str], limit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "plan", *words, code=2)
    if limit == "--target-stderr":
        found = re.search(r"they reach about (?P<value>\S+)", text)
    else:
        found = re.search(rf"{limit} (?P<value>\d+) (allows|runs)", text)
    assert found is not None, text
    if limit in words:
        words = [*words[: words.index(limit)], *words[words.index(limit) + 2 :]]
    said(capsys, "plan", *words, limit, found["value"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ghz:6", "--budget", "2m"], ["--budget: is for --all"]),
        (["ghz:6", "--all", "--candidate", "no cut"], ["at once"]),
        (["ghz:6", "--all", "--budget", "soon"], ["--budget"]),
        (["ghz:6", "--device", "gpu:h100_sxm"], ["this machine's processor"]),
        (["ghz:6", "--candidate", "find_cut 3"], ["did you mean: find_cuts 3"]),
        (["ghz:6", "--engine", "proceses"], ["did you mean: processes"]),
        (["ghz:6", "--engine", "serial", "--workers", "2"], ["one circuit at a time"]),
        (["ghz:6", "--mode", "seedlike", "--candidate", "find_cuts 3"], ["seed_like"]),
        (["ghz:6", "--mode", "seed_like", "--candidate", "no cut"], ["nothing is cut"]),
        (["ghz:6", "--out", __file__], ["is a file"]),
        (["ghz:6", "--engine", "processes", "--scheduler", "slurm"], ["has no scheduler", "--engine dask"]),
        (["ghz:6", "--scheduler", "slrum"], ["unknown scheduler 'slrum'", "slurm"]),
        (["ghz:40", "--strategy", "none"], ["candidate 'no cut' cannot be run", "16,384 GiB", "run candidate '"]),
    ],
)
def test_impossible_runs(words: list[str], says: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "run", *words, code=2)
    assert all(each in text for each in says), text


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_what_is_impossible_prints_no_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cut", verb, "ghz:6", "--observable", "ZZ", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "2 letters for a circuit of 6" in err and "Traceback" not in err


TOFFOLI = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[4];
h q[0];
ccx q[0],q[1],q[2];
ccx q[1],q[2],q[3];
"""


def test_a_width_below_that_of_a_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The Toffoli gates are cut as the two-qubit gates that they are made of, if at all; what is named can be met."""
    path = tmp_path / "toffoli.qasm"
    path.write_text(TOFFOLI)
    text = said(capsys, "plan", str(path), "--max-width", "2", code=2)
    assert "nearest is split 2: 8 cuts" in text
    for width in re.findall(r"--max-width (\d)", text):
        said(capsys, "plan", str(path), "--max-width", width)


@pytest.mark.parametrize(("text", "code"), [("qreg q[1];\nh q[0];\n", 0), ("qreg q[3];\n", 0), ("", 2)])
def test_the_smallest_circuits(text: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One qubit, no gate, nothing at all: H gives ⟨Z⟩ = 0, no gate 1."""
    path = tmp_path / "small.qasm"
    path.write_text(f'OPENQASM 2.0;\ninclude "qelib1.inc";\n{text}')
    for verb in ("plan", "run"):
        words = said(capsys, verb, str(path), "--target-stderr", "0.05", *(["--json"] if not code else []), code=code)
        if code:
            assert "no qubits" in words
        elif verb == "run":
            found = json.loads(words)
            assert abs(found["value"] - ("h q" not in text)) <= 5 * found["stderr"] + 1e-12


def test_what_is_not_unitary_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "reset.qasm"
    path.write_text(NOT_UNITARY)
    text = said(capsys, "plan", str(path), code=2)
    assert "cannot be cut: 'reset' on qubits [0]" in text and "the unitary part" in text


def test_every_strategy_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    for name in entries("cutting"):
        if name != "oracle":
            found = json.loads(said(capsys, "plan", "ghz:6", "--strategy", name, "--json"))
            assert found["strategy"] == name and found["chosen"] in [each["name"] for each in found["candidates"]]
    text = said(capsys, "plan", "ghz:6", "--strategy", "fixed_width:width=3")
    assert "Strategy fixed_width:width=3: Cutting into parts of 3 and 3 qubits" in text


def test_an_explicit_partition_is_a_candidate(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, "plan", "ghz:6", "--partition", "AAAABB", "--json"))
    (own,) = (each for each in found["candidates"] if each["name"] == "partition 0")
    assert own["qubits"] == [[0, 1, 2, 3], [4, 5]]


def test_the_next_command_works(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["plan", "ghz:4", "--target-stderr", "0.1"], ["plan", "ghz:4", "--device", "h100_sxm"]):
        command = said(capsys, *words).rstrip().splitlines()[-1].strip()
        assert main(shlex.split(command, comments=True)[1:]) == 0


@pytest.mark.skipif(not (BAD / "manifest.csv").exists(), reason="the bad inputs are not here")
def test_hostile_files(capsys: pytest.CaptureFixture[str]) -> None:
    with (BAD / "manifest.csv").open() as stream:
        cases = [row for row in csv.DictReader(stream) if row["kind"] == "qasm"]
    assert cases
    for case in cases:
        began_s = time.process_time()
        code = main(["cut", "plan", str(BAD / case["file"]), "--max-cuts", "1"])
        out, err = capsys.readouterr()
        assert code in (0, 2) and "Traceback" not in err and "internal error" not in err, case["file"]
        assert bool(out) == (code == 0) and len(err) < 2000, case["file"]
        assert time.process_time() - began_s < max(20.0, float(case["time_limit_s"])), case["file"]
