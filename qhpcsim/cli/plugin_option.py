"""``--plugin FILE``: the option of every verb that meets policies, motifs or models of the user's own."""

from __future__ import annotations

import argparse


def add_plugin_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the option; it may be repeated."""
    parser.add_argument("--plugin", metavar="FILE", action="append", default=[], help="Python file to import first")


def import_plugins(args: argparse.Namespace) -> None:
    """Import the files.

    Raises:
        PluginError: if one cannot be loaded.
    """
    if args.plugin:
        from qhpcsim.core.plugins import load_plugin

        for path in args.plugin:
            load_plugin(path)


def plugin_words(args: argparse.Namespace) -> list[str]:
    """Return the option as it was given, for the command to try next."""
    return [word for path in args.plugin for word in ("--plugin", path)]
