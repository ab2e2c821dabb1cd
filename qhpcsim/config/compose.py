"""Hydra's part: one named scenario and its group choices in, one plain nested dict out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from qhpcsim.config import remembered
from qhpcsim.config.names import DEFAULTS, nodes_for_store
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import ConfigError, shorten

Nodes = Mapping[tuple[str, str], Mapping[str, Any]]
ROOT = "scenario"
"""Config of the ConfigStore that every shipped scenario starts its defaults list with."""


def compose(name: str, choices: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a scenario composed from its defaults list.

    Args:
        name: A shipped scenario, or ``ROOT`` for the bare one.
        choices: Group -> option, replacing the scenario's own; checked by the caller.

    Raises:
        ConfigError: if Hydra cannot compose it.
    """
    return remembered.held(name, choices, lambda: _known(name, choices))


def _known(name: str, choices: Mapping[str, str]) -> dict[str, Any]:
    nodes = nodes_for_store()
    stored = remembered.path_of(name, choices, nodes)
    values = remembered.recall(stored)
    if values is None:
        values = _composed(name, choices, nodes)
        remembered.keep(stored, values)
    return values


def _composed(name: str, choices: Mapping[str, str], nodes: Nodes) -> dict[str, Any]:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    _fill_store(nodes)
    texts = [f"{group}={option}" for group, option in choices.items()]
    try:
        with initialize_config_dir(str(data_dir("scenarios").resolve()), version_base="1.3"):
            config = hydra_compose(name, overrides=texts)
        values = OmegaConf.to_container(config, resolve=False)
    except (HydraException, OmegaConfBaseException) as error:
        raise _translated(error, name) from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _fill_store(nodes: Nodes) -> None:
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    defaults = [*({group: option} for group, option in DEFAULTS.items()), "_self_"]
    store.store(
        name=ROOT,
        node={"defaults": defaults, "question": "", "seed": 0, "baseline": "", "engine": "auto"},
        provider="qhpcsim",
    )
    for (group, option), node in nodes.items():
        store.store(group=group, name=option, node=node, provider="qhpcsim")


def _translated(error: BaseException, name: str) -> ConfigError:
    """Return Hydra's complaint as ours, its hidden cause included."""
    parts = [str(error)]
    if error.__cause__ is not None:
        parts.append(str(error.__cause__))
    text = re.sub(r"\s+", " ", "; ".join(parts))
    return ConfigError(
        f"the scenario cannot be composed: {shorten(text, 400)}", where=name, hint="qhpcsim list scenarios"
    )
