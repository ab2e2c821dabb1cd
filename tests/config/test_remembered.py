"""What Hydra composed is kept: same values, never stale, never needed."""

import subprocess
import sys

import pytest

from qhpcsim.config import compose, remembered
from qhpcsim.config.names import nodes_for_store, scenario_files


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", [*scenario_files(), compose.ROOT])
def test_kept_values_are_what_hydra_says(name):
    fresh = compose._composed(name, {"policy": "conservative"}, nodes_for_store())
    first = compose.compose(name, {"policy": "conservative"})
    assert compose.compose(name, {"policy": "conservative"}) == first == fresh
    assert first["policy"]["name"] == "conservative"


def test_the_second_run_does_not_import_hydra():
    code = "import sys, qhpcsim; qhpcsim.load('quickstart', ['policy=easy']); print('hydra' in sys.modules)"
    printed = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert printed == ["True", "False"]


def test_choices_and_registered_defaults_are_part_of_the_name():
    nodes = nodes_for_store()
    other = {**nodes, ("policy", "easy"): {**nodes["policy", "easy"], "depth": 7}}
    paths = {
        remembered.path_of("replay", {}, nodes),
        remembered.path_of("replay", {"policy": "easy"}, nodes),
        remembered.path_of("replay", {}, other),
        remembered.path_of("quickstart", {}, nodes),
    }
    assert len(paths) == 4


def test_a_scenario_file_that_changed_is_composed_again(tmp_path, monkeypatch):
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "one.yaml").write_text("a: 1\n")
    monkeypatch.setattr(remembered, "data_dir", lambda _name: folder)
    before = remembered.path_of("one", {}, {})
    (folder / "one.yaml").write_text("a: 2\n")
    assert remembered.path_of("one", {}, {}) != before


def test_a_damaged_entry_is_ignored():
    first = compose.compose("replay", {})
    path = remembered.path_of("replay", {}, nodes_for_store())
    path.write_text("{ not json")
    assert compose.compose("replay", {}) == first
