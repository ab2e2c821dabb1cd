"""A user's own Python file with policies, orders or rules: imported only where the user asks for it by name."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path

from qhpcsim.core.errors import PluginError, QhpcsimError, shorten
from qhpcsim.core.registry import HOMES, entries


def load_plugin(path: str | Path) -> None:
    """Import a Python file so that its ``@register`` lines take effect. It runs with all rights of the user.

    Raises:
        PluginError: if the file is missing, is no Python file, or fails; it names the line.
    """
    file = Path(path)
    if not file.is_file() or file.suffix != ".py":
        what = "is not a Python file" if file.exists() else "no such file"
        raise PluginError(what, where=str(path), allowed="one file whose name ends with .py")
    for kind in HOMES:
        entries(kind)  # the built-in names come first, so that a clash is the plug-in's mistake
    name = f"qhpcsim_plugin_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, file.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise blame(error, file) or _failed(error, str(path)) from error


def blame(error: BaseException, path: str | Path) -> PluginError | None:
    """Return a plug-in error with the line if ``error`` came from or through that file, else None."""
    if isinstance(error, QhpcsimError):
        return None
    file = Path(path)
    if isinstance(error, SyntaxError) and error.filename == str(file.resolve()):
        return PluginError(f"syntax error: {error.msg}", where=f"{path}:{error.lineno}")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file.resolve())]
    return _failed(error, f"{path}:{frames[-1].lineno}") if frames else None


def _failed(error: BaseException, where: str) -> PluginError:
    return PluginError(
        f"{type(error).__name__}: {shorten(error, 300)}",
        where=where,
        hint="mend the plug-in; --debug shows the whole traceback",
    )
