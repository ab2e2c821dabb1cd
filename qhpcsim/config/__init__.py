"""Scenarios from names, files and ``key=value`` overrides; the only room that imports Hydra and OmegaConf.

A *named* scenario is a file of ``scenarios/``; Hydra composes it from the groups ``facility/``, ``workload/``,
``policy/``, ``scheduler/``, ``qpu/`` and ``qpu_workload/`` and from the registry. A *user's* file is plain YAML, read
strictly and merged over a scenario; nothing in it is imported, called or resolved::

    base: small_centre        # start from a named scenario; left out: one partition, a trace, fcfs
    policy: easy              # a group option by name ...
    workload:                 # ... or a mapping: its option (workload: source, policy: name, any group: base)
      source: lublin
      n_jobs: 500             # ... and what to change in it
    facility:
      partitions:
        cpu: {nodes: 16, cores_per_node: 64}
    qpu:
      base: ibm_cloud
      discipline: {name: priority, preemptive: true}   # a name starts from that discipline's own defaults

A group for which the file names an option starts from that option alone; one for which it names none starts from
the ``base`` scenario's, and the file's values are merged in. Choosing an option on the command line
(``policy=fcfs``, ``qpu.discipline=fifo``) replaces what the file says about that group or discipline; single values
(``policy.depth=7``) come last.
Fields ending in ``_s`` accept durations such as ``2h`` or ``30us``. Relative paths start at the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from qhpcsim.config.names import find_scenario, is_path
from qhpcsim.scenario import Scenario


def load(name_or_path: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Scenario:
    """Return the scenario of that name, or in that YAML file, after the overrides.

    Args:
        name_or_path: A name from ``qhpcsim list scenarios``, or a path: it ends with .yaml or .yml, contains
            a slash, or is a file and no scenario's name.
        overrides: ``key=value`` texts in Hydra's grammar, such as ``policy=easy``, ``facility.nodes=100`` and
            ``workload.path=FILE``; the path needs no quoting.

    Raises:
        ConfigError: for a key, value or file that is not valid; the message names it.
        UnknownNameError: for a scenario or group option that does not exist.
    """
    from qhpcsim.config.assemble import from_file, from_name
    from qhpcsim.config.overrides import parse_all

    parsed = parse_all(overrides)
    if is_path(name_or_path):
        return from_file(Path(name_or_path), parsed)
    return from_name(find_scenario(str(name_or_path)), parsed)


__all__ = ["load"]
