"""GPU cards and the links between them on the command line."""

from __future__ import annotations

import pytest

from qhpcsim.cli import main
from qhpcsim.models.gpu_card import card_names


def test_links_are_listed_with_their_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "clusters"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines[2:]} == set(card_names("clusters"))
    assert "held-out error 17.4 %" in next(line for line in lines if line.startswith("perlmutter_cusvaer"))
    assert "not measured" in next(line for line in lines if line.startswith("dgx_b200"))


def test_kernels_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "gpu kernels"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("aer", "custatevec", "cupy"))


@pytest.mark.parametrize("card", sorted(card_names("gpu")))
@pytest.mark.parametrize("devices", ["1", "4", "16"])
def test_every_gpu_card_predicts(card: str, devices: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "statevector", "--card", card, "--devices", devices, "--circuit", "ghz:29"]) == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.startswith("p"))
    low, median, high = (float(said[key]) for key in ("p5_s", "predicted_s", "p95_s"))
    assert 0.01 < low < median < high < 20


def test_the_links_that_are_named_count(capsys: pytest.CaptureFixture[str]) -> None:
    """Lightning fetches the qubits of phases too: a Fourier transform exchanges far more than gate targets need."""
    command = ["predict", "statevector", "--card", "a100_80", "--devices", "8", "--circuit", "qft:30", "--cluster"]
    seconds = {}
    for cluster in ("perlmutter_lightning", "perlmutter_lightning_every_qubit"):
        assert main([*command, cluster]) == 0
        lines = capsys.readouterr().out.splitlines()
        seconds[cluster] = float(next(line for line in lines if line.startswith("predicted_s")).split()[1])
    assert seconds["perlmutter_lightning_every_qubit"] > 2 * seconds["perlmutter_lightning"]
    assert main([*command, "perlmutter"]) == 2
    assert "perlmutter_cusvaer" in capsys.readouterr().err
