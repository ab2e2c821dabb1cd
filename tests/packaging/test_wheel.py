"""What a user gets from ``pip install``: the wheel alone, far from the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, cwd: Path) -> str:
    """Return what a command prints; its complaints are the test's message."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "QHPCSIM"))}
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def binaries(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a fresh environment that borrows our dependencies; return its bin folder."""
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(home)
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "borrowed.pth").write_text("\n".join(sorted(paths)) + "\n")
    return home / "bin"


def test_scenarios_and_calibration_ship_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("scenarios", "calibration"):
        ours = [path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.yaml")]
        assert ours, folder
        assert {f"qhpcsim/_data/{name}" for name in ours} <= names


def test_metadata_name_the_licence_and_carry_its_text(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(archive.read(name).decode())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    assert not [name for name in archive.namelist() if name.startswith("tests/")]


def test_the_command_works_from_an_empty_folder(binaries: Path, tmp_path: Path) -> None:
    where = run(binaries / "python", "-c", "import qhpcsim; print(qhpcsim.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(binaries.parent)
    assert "quickstart" in run(binaries / "qhpcsim", "list", "scenarios", cwd=tmp_path)
    run(binaries / "qhpcsim", "run", "quickstart", "--no-report", "--out", "here", cwd=tmp_path)
    summary = json.loads((tmp_path / "here" / "summary.json").read_text())
    assert summary
    assert (tmp_path / "here" / "jobs.csv").stat().st_size > 0
