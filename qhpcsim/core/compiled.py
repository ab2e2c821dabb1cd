"""Plain Python functions over arrays, compiled by numba when a caller asks for it.

A kernel takes arrays and numbers, returns numbers, and allocates nothing: its caller brings every array.

numba's own cache notices a change of the file that holds the compiled function but not of the functions that it
calls. Here the cache folder is named after everything that can change the machine code, so a stale kernel cannot run.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from types import CodeType, FunctionType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_LEAN = {"_nrt": False}
"""Kernels allocate nothing, so numba need not count references to arrays: that took two thirds of the time."""

_parts: dict[Callable[..., Any], bool] = {}
"""Functions that kernels call -> whether they are copied to where they are called."""
_registered: set[Callable[..., Any]] = set()
"""Those that numba has been told about."""
_compiled: dict[Callable[..., Any], Any] = {}
_lock = Lock()


def kernel_part(fn: Function) -> Function:
    """Mark a function as callable from compiled kernels; it stays plain Python everywhere else."""
    _parts.setdefault(fn, True)
    return fn


def long_kernel_part(fn: Function) -> Function:
    """Mark a function like ``kernel_part``, but compile it once instead of at every place that calls it."""
    _parts.setdefault(fn, False)
    return fn


def compile_kernel(fn: Callable[..., Any], sources: Sequence[str | Path] = ()) -> Any:
    """Return ``fn`` compiled by numba, from the user's cache where it was compiled before.

    Args:
        fn: A top-level function over arrays and numbers; what it calls carries ``@kernel_part``.
        sources: Files beside those of ``fn`` and of its parts that the machine code depends on, such as
            a module of constants.
    """
    with _lock:
        if fn not in _compiled:
            _compiled[fn] = _jit(fn, cache_folder(fn, sources))
        return _compiled[fn]


def is_compiled(fn: Callable[..., Any], sources: Sequence[str | Path] = ()) -> bool:
    """Return whether an earlier run left the machine code of ``fn`` in the cache (numba is not imported)."""
    return any(cache_folder(fn, sources).glob(f"*/*.{fn.__qualname__}-*.nbi"))


def cache_folder(fn: Callable[..., Any], sources: Sequence[str | Path] = ()) -> Path:
    """Return the folder that holds the machine code of ``fn`` for these sources, this numba and this Python."""
    functions = _reachable(fn)
    files = {Path(each.__code__.co_filename) for each in functions} | {Path(each) for each in sources}
    digest = hashlib.sha256(f"numba {version('numba')} python {sys.version}".encode())
    for file in sorted(files):
        digest.update(b"\0" + file.name.encode() + b"\0" + file.read_bytes())
    for each in functions:
        # A file may have been edited since this process read it.
        code = each.__code__
        plain = [constant for constant in code.co_consts if not isinstance(constant, CodeType)]
        digest.update(repr((each.__name__, code.co_code, code.co_names, plain)).encode())
    return cache_root() / "kernels" / digest.hexdigest()[:20]


def _jit(fn: Callable[..., Any], folder: Path) -> Any:
    import numba
    from numba.extending import register_jitable

    for part, inline in list(_parts.items()):
        if part not in _registered:
            register_jitable(forceinline=inline, **_LEAN)(part)
            _registered.add(part)
    config: Any = numba.config
    options: dict[str, Any] = {"cache": True, "nogil": True, **_LEAN}
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        return numba.njit(**options)(fn)
    finally:
        config.CACHE_DIR = before


def _reachable(fn: Callable[..., Any]) -> list[FunctionType]:
    """Return ``fn`` and the kernel parts that it calls, directly or not."""
    found: dict[Any, None] = {}
    todo: list[Any] = [fn]
    while todo:
        one = todo.pop()
        if one in found:
            continue
        found[one] = None
        named = (one.__globals__.get(name) for name in one.__code__.co_names)
        todo += [each for each in named if isinstance(each, FunctionType) and each in _parts]
    return list(found)


def cache_root() -> Path:
    """Return a folder of the user's that can be written: the cache folder, or else one in the temporary folder."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH118, PTH111
    temporary = Path(tempfile.gettempdir()) / f"qhpcsim-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    for folder in (Path(home) / "qhpcsim", temporary):
        if _is_ours(folder):
            return folder
    return _private_folder()


_private: list[Path] = []


def _private_folder() -> Path:
    """Return a temporary folder that only this process uses."""
    if not _private:
        _private.append(Path(tempfile.mkdtemp(prefix="qhpcsim-")))
    return _private[0]


def _is_ours(folder: Path) -> bool:
    """Return whether the folder exists (or could be made), is writable and belongs to this user.

    Machine code is loaded from it, so a folder that somebody else prepared must not do.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    except OSError:
        return False
    return mine and os.access(folder, os.W_OK)
