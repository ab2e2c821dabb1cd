"""Compiled kernels: a change of any function they call must give another cache folder."""

from __future__ import annotations

import importlib
import sys

import pytest

from qhpcsim.core import compiled

SOURCE = """
from qhpcsim.core.compiled import kernel_part

@kernel_part
def step(x):
    return x + {step}

def {name}(x):
    return step(x) * 2
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write and import a module of a kernel and its part."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, step: int = 1):
        (tmp_path / f"{name}.py").write_text(SOURCE.format(step=step, name="kernel"))
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return write


def test_compiles_once_and_says_so(module):
    kernel = module("kernel_one").kernel
    assert not compiled.is_compiled(kernel)
    assert compiled.compile_kernel(kernel)(3) == kernel(3) == 8
    assert compiled.is_compiled(kernel)
    assert compiled.compile_kernel(kernel) is compiled.compile_kernel(kernel)


def test_a_changed_part_gives_another_folder(module):
    old = module("kernel_two").kernel
    before = compiled.cache_folder(old)
    new = module("kernel_two", step=20).kernel
    assert compiled.cache_folder(new) != before
    assert compiled.cache_folder(old) not in (before, compiled.cache_folder(new)), "file edited after it was read"


def test_a_changed_source_gives_another_folder(module, tmp_path):
    kernel = module("kernel_three").kernel
    (tmp_path / "constants.txt").write_text("1")
    before = compiled.cache_folder(kernel, [tmp_path / "constants.txt"])
    (tmp_path / "constants.txt").write_text("2")
    assert compiled.cache_folder(kernel, [tmp_path / "constants.txt"]) != before


def test_an_unusable_cache_folder_is_no_obstacle(module, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    kernel = module("kernel_four").kernel
    assert compiled.compile_kernel(kernel)(1) == 4
