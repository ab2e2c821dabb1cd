"""Every block of the README and the docs under ``<!-- tested -->`` runs as it stands, in file order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"<!-- tested(?:: (?P<file>[\w.]+))? -->\n+```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)
"""``<!-- tested -->`` runs the block; ``<!-- tested: name -->`` saves it as a file that later blocks use."""
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if "<!-- tested" in path.read_text(encoding="utf-8")
]


def run_block(language: str, text: str, cwd: Path) -> None:
    """Run one shell or Python block in ``cwd``."""
    shells = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "MPLBACKEND": "Agg"}
    done = subprocess.run([*shells[language], text], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES)
def test_blocks_run_as_they_stand(page: str, tmp_path: Path) -> None:
    for block in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")):
        if block["file"]:
            (tmp_path / block["file"]).write_text(block["text"], encoding="utf-8")
        else:
            run_block(block["language"], block["text"], tmp_path)


def test_the_readme_has_tested_blocks() -> None:
    assert len(BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))) >= 3


def test_the_readme_shows_the_answer_of_the_quickstart() -> None:
    import qhpcsim

    shown = " ".join((ROOT / "README.md").read_text(encoding="utf-8").replace("\n> ", " ").split())
    assert qhpcsim.simulate(qhpcsim.load("quickstart")).answer in shown
