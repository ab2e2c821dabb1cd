"""``qhpcsim predict qpu``: a table in, the same table with predictions out."""

import csv

import pytest

from qhpcsim.cli import main
from qhpcsim.core.errors import QhpcsimError
from qhpcsim.models.predict_qpu import predict_table
from qhpcsim.models.qpu import open_qpu
from qhpcsim.models.requests import Request

TABLE = """name,n_circuits,shots,depth_total,n_2q_gates_total,n_qubits_total
"b, first",20,4000,4000,2000,100
=a,1,1000,20,5,5
"""


def test_a_table_comes_back_with_predictions(tmp_path):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(TABLE)
    assert predict_table("ibm_2023", source, out) == []
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["b, first", "=a"]
    assert list(rows[0])[-3:] == ["predicted_s", "p5_s", "p95_s"]
    told = open_qpu("ibm_2023").predict(Request.of([20, 1], [4000, 1000], [4000, 20], [2000, 5], [100, 5]))
    assert [float(row["predicted_s"]) for row in rows] == pytest.approx(told.median_s, rel=1e-5)
    assert all(float(row["p5_s"]) < float(row["predicted_s"]) < float(row["p95_s"]) for row in rows)


def test_predicting_a_prediction_replaces_its_columns(tmp_path):
    source, once, twice = (tmp_path / name for name in ("in.csv", "once.csv", "twice.csv"))
    source.write_text(TABLE.replace("n_2q_gates_total", "n_2q_total"))
    predict_table("ibm_2023", source, once)
    predict_table("ibm_2023", once, twice)
    assert twice.read_bytes() == once.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("shots", "shot", "in.csv:1: no column shots"),
        ("n_circuits", "shots", "column 'shots' is there twice"),
        ("=a,1,1000", "=a,1,many", "in.csv:3: shots: 'many' is not a finite number"),
        ("=a,1,1000", "=a,1,1_000", "in.csv:3: shots: '1_000' is not a finite number"),
        ("=a,1,1000", "=a,1,nan", "in.csv:3: shots"),
        ("=a,1,1000", "=a,1,1e999", "in.csv:3: shots"),
        ("=a,1,1000", "=a,1,0", "in.csv:3: shots is 0"),
        ("=a,1,1000", "=a,1.5,1000", "in.csv:3: n_circuits is 1.5"),
        ("=a,1,1000,20", "=a,1,1000,-20", "in.csv:3: depth_total is -20"),
        ("5,5\n", "5,500\n", "in.csv:3: 500 qubits are too many for ibm_2023"),
        ("5,5\n", "5\n", "in.csv:3: 5 cells"),
        (TABLE, "", "no jobs"),
        ("first", "\udc80first", "not UTF-8"),
    ],
)
def test_a_bad_table_is_refused_by_line_and_column(tmp_path, old, new, said):
    source = tmp_path / "in.csv"
    source.write_bytes(TABLE.replace(old, new, 1).encode("utf-8", "surrogateescape"))
    with pytest.raises(QhpcsimError) as caught:
        predict_table("ibm_2023", source, tmp_path / "out.csv")
    assert said in str(caught.value)
    assert not (tmp_path / "out.csv").exists()


def test_the_input_is_never_overwritten(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(TABLE)
    with pytest.raises(QhpcsimError, match="same file"):
        predict_table("ibm_2023", source, source)


def test_the_command(tmp_path, capsys):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(TABLE.replace("=a,1,1000", "=a,1,100000"))
    words = ["predict", "qpu", "--table", str(source), "--out", str(out), "--card"]
    assert main([*words, "ibm_2023"]) == 0
    assert "extrapolated: 1 of 2 jobs outside the fitted shots" in capsys.readouterr().out
    assert main([*words, "quantinuum_h2", "--set", "time_layer=20ms"]) == 0
    assert main([*words, "quantinuum_h2"]) == 2
    assert "time_layer is not known" in capsys.readouterr().err
    assert main(["list", "qpus"]) == 0
    assert "ibm_heron_r3" in capsys.readouterr().out
