"""Files of a sensitivity study: every number that was printed, none that is no number, the same bytes again."""

import csv
import json
from importlib.metadata import version

import numpy as np
import pytest

from qhpcsim.cli import main
from qhpcsim.studies.identity import code_version
from qhpcsim.studies.sensitivity import sensitivity
from qhpcsim.studies.sensitivity_files import ANSWER, PICTURE, TABLE
from qhpcsim.studies.simulating import Workers

WORDS = [
    "workload=poisson", "facility.nodes=4", "workload.n_jobs=60",
    "workload.load=0.3:0.9", "workload.service.mean_s=60:61",
]  # fmt: skip


def study(folder, n_sobol):
    return sensitivity("replay", WORDS, "mean_wait_s", False, 3, n_sobol, 2, folder, Workers("serial"))


@pytest.mark.parametrize("n_sobol", [0, 8])
def test_both_files_hold_every_index(tmp_path, n_sobol):
    found = study(tmp_path, n_sobol)
    answer = json.loads((tmp_path / ANSWER).read_text(), parse_constant=pytest.fail)
    assert answer["n_runs"] == found.n_points * 2 == (3 * 3 + n_sobol * 4) * 2
    assert answer["code"] == found.code == code_version(()) and answer["version"] == version("qhpcsim")
    assert (answer["first_seed"], answer["n_seeds"]) == (found.seed, 2)
    assert [each["name"] for each in answer["unknowns"]] == [found.unknowns[k].name for k in found.ranked]
    with (tmp_path / TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    indices = {"mean_abs": found.morris.mean_abs}
    if found.sobol is not None:
        indices |= {"first": found.sobol.first, "total": found.sobol.total}
    for place, k in enumerate(found.ranked):
        for name, index in indices.items():
            for key, values in ((name, index.value), (f"{name}_low", index.low), (f"{name}_high", index.high)):
                assert answer["unknowns"][place][key] == values[k] == float(rows[place][key])
        assert float(rows[place]["spread"]) == found.morris.spread[k]
    assert ("total" in rows[0]) == bool(n_sobol)


def test_files_are_the_same_bytes_again_and_the_picture_shows_every_unknown(tmp_path):
    texts = []
    for name in ("a", "b"):
        found = study(tmp_path / name, 8)
        texts.append([(tmp_path / name / each).read_bytes() for each in (ANSWER, TABLE, PICTURE)])
    assert texts[0] == texts[1]
    assert texts[0][2].startswith(b"\x89PNG")
    pixels = picture(tmp_path / "a" / PICTURE)
    blue = (np.abs(pixels[..., :3] - np.array([0x01, 0x73, 0xB2]) / 255.0) < 0.02).all(axis=-1)
    half = pixels.shape[1] // 2
    widths = blue[:, :half].sum(axis=1)  # the first panel: µ* of the first unknown above that of the second
    top, low = widths[: len(widths) // 2].max(), widths[len(widths) // 2 :].max()
    moved = found.morris.mean_abs.value[found.ranked]
    assert low / top == pytest.approx(moved[1] / moved[0], abs=0.03)


def picture(path):
    from matplotlib.image import imread

    return imread(path)


def test_the_command_names_the_files(capsys, tmp_path):
    words = ["sensitivity", "replay", *WORDS, "--figure", "mean_wait_s", "--trajectories", "2", "--seeds", "1"]
    assert main([*words, "--engine", "serial", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    for name in (ANSWER, TABLE, PICTURE):
        assert str(tmp_path / name) in told and (tmp_path / name).is_file()
