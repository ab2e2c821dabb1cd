"""One block, the right exit code, no traceback."""

import errno
import os
from pathlib import Path
from typing import ClassVar

import pytest

from qhpcsim import cli
from qhpcsim.cli import headline, main, output
from qhpcsim.cli.progress import progress_bar
from qhpcsim.core.registry import _entries

PLUGIN = """\
from qhpcsim.core.registry import register
from qhpcsim.scenario import Policy
from dataclasses import dataclass

@register("policy", "test_plugin_policy", summary="a test", params=None)
@dataclass(frozen=True)
class Mine(Policy):
    name: str = "test_plugin_policy"
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], ["unknown verb 'rnu'", "did you mean: run"]),
        (["run"], ["SCENARIO", "qhpcsim run --help"]),
        (["run", "quikstart"], ["unknown scenario", "did you mean: quickstart"]),
        (["run", "quickstart", "--sed", "3"], ["--sed", "did you mean: --seed"]),
        (["run", "quickstart", "--seed", "x"], ["seed", "a whole number"]),
        (["run", "quickstart", "--seed", "-1"], ["seed"]),
        (["run", "gone.yaml"], ["gone.yaml: no such file"]),
        (["plan", "gone.yaml"], ["gone.yaml: no such file", "docs/planning.md"]),
        (["whatif", "gone.swf", "--at", "1h", "--add", "nodes=2"], ["gone.swf: cannot be read", "check the path"]),
        (["run", "replay"], ["workload.path", "is empty"]),
        (["run", "replay", "policy=esay"], ["did you mean: easy"]),
        (["list", "polices"], ["unknown kind 'polices'", "did you mean: policies"]),
        (["validate"], ["FILE"]),
        (["convert", "a"], ["OUT"]),
        (["run", "quickstart", "--plugin", "gone.py"], ["gone.py: no such file"]),
    ],
)
def test_mistakes_exit_with_two(capsys, arguments, words):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err
    for word in words:
        assert word in err


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["--version"], ["run", "--help"], ["list", "-h"]])
def test_help_exits_with_zero(capsys, arguments):
    assert main(arguments) == 0
    assert "qhpcsim" in capsys.readouterr().out


def fail_with(monkeypatch, error):
    def fail(*_args, **_more):
        raise error

    monkeypatch.setattr("qhpcsim.simulation.simulate", fail)
    return main(["run", "quickstart"])


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x/jobs.csv"), 1, "free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 1, "x: Permission denied"),
        (MemoryError(), 1, "out of memory"),
        (ZeroDivisionError("division by zero"), 1, "internal error: ZeroDivisionError"),
    ],
)
def test_other_failures(capsys, monkeypatch, error, code, words):
    assert fail_with(monkeypatch, error) == code
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback():
    with pytest.raises(Exception, match="unknown scenario"):
        main(["run", "nothing", "--debug"])


def test_control_characters_cannot_steer_the_terminal(capsys):
    assert main(["run", "quick\x1b[31mstart"]) == 2
    assert "\x1b" not in capsys.readouterr().err
    assert output.clean("a\x1b[0m\x07\nb") == "a\\x1b[0m\\x07\nb"


def test_a_plugin_joins_the_registry(capsys):
    Path("mine.py").write_text(PLUGIN)
    try:
        assert main(["list", "policies", "--plugin", "mine.py"]) == 0
        assert "test_plugin_policy" in capsys.readouterr().out
    finally:
        _entries["policy"].pop("test_plugin_policy", None)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("x = 1\nimport nothing_of_that_name\n", 2, "ModuleNotFoundError"),
        ("x = (\n", 1, "syntax error"),
        ("\n\nraise SystemExit(3)\n", 3, "SystemExit"),
        ("def f():\n    return 1 / 0\nf()\n", 2, "ZeroDivisionError"),
        (PLUGIN.replace("test_plugin_policy", "easy"), 5, "registered already"),
    ],
)
def test_mistakes_in_plugins_name_the_line(capsys, text, line, words):
    Path("mine.py").write_text(text)
    assert main(["run", "quickstart", "--plugin", "mine.py"]) == 2
    err = capsys.readouterr().err
    assert f"mine.py:{line}: " in err
    assert words in err


def test_the_bar_is_off_without_a_terminal():
    with progress_bar("x") as progress:
        assert progress is None


def test_numbers_that_are_none_are_not_printed():
    class Result:
        summary: ClassVar = {"n_jobs": 0, "mean_wait_s": None, "energy_j": float("nan")}
        answer = "No job finished."
        baseline = hybrid = workflows = None

    from qhpcsim.config import load

    text = headline.headline(load("small_centre"), Result())
    assert "nan" not in text
    assert "mean wait" not in text
    assert "No job finished." in text


def test_verbs_have_modules():
    for name, (module, summary) in cli.VERBS.items():
        assert summary
        assert __import__(f"qhpcsim.cli.{module}", fromlist=["execute"]).execute, name
