"""The notebooks' code runs as it stands, cell by cell, without Jupyter."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "docs" / "notebooks").glob("*.md"))
CELL = re.compile(r"^```\{code-cell\} python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_there_are_notebooks_that_jupyter_opens() -> None:
    assert len(NOTEBOOKS) >= 3
    for path in NOTEBOOKS:
        head = path.read_text(encoding="utf-8").split("---\n")[1]
        assert "format_name: myst" in head
        assert "kernelspec:" in head


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_draws(path: Path, tmp_path: Path) -> None:
    cells = CELL.findall(path.read_text(encoding="utf-8"))
    code = "\n".join([*cells, "import matplotlib.pyplot as _drawn", "assert _drawn.get_fignums(), 'no figure'"])
    env = {**os.environ, "MPLBACKEND": "Agg"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.strip()
