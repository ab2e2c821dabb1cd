"""The light commands stay light: no heavy package is imported by them."""

import subprocess
import sys
import time

import pytest

HEAVY = ("pandas", "matplotlib", "seaborn", "numba", "qiskit", "scipy", "rich", "jinja2")
LIGHT = {
    "import": "import qhpcsim",
    "--help": "from qhpcsim.cli import main; main(['--help'])",
    "run --help": "from qhpcsim.cli import main; main(['run', '--help'])",
    "list": "from qhpcsim.cli import main; main(['list'])",
    "list policies": "from qhpcsim.cli import main; main(['list', 'policies'])",
    "load": "import qhpcsim; qhpcsim.load('quickstart')",
}


@pytest.mark.parametrize("code", LIGHT.values(), ids=LIGHT.keys())
def test_no_heavy_imports(code):
    probe = f"{code}\nimport sys\nprint('HEAVY', sorted(set(sys.modules) & set({HEAVY!r})))"
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    print(f"{time.perf_counter() - began:.2f} s")
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_public_names():
    probe = "import qhpcsim as q; print(q.__version__, q.load, q.simulate, q.Scenario, q.Result, dir(q))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "load" in done.stdout
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        __import__("qhpcsim").lod  # noqa: B018
