"""Multistage pipeline: motifs one after the other, on different resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qhpcsim.core.circuit_times import CircuitTimes
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import lookup, register
from qhpcsim.core.workflow_records import Workflow
from qhpcsim.workloads.motifs.making import motif_params
from qhpcsim.workloads.motifs.parts import MotifParams


@dataclass(frozen=True)
class PipelineParams(MotifParams):
    """Parameters of a pipeline."""

    coupling: ClassVar[str] = "loose"
    mode: ClassVar[str] = "Quantum-about-HPC"

    stages: tuple[str, ...] = ("qml_compression", "qml_classifier")
    """Motifs, in order."""
    settings: tuple[tuple[str, str], ...] = ()
    """Parameters of the stages: ``MOTIF.NAME`` and a text."""


@register(
    "motif",
    "pipeline",
    summary="motifs one after the other, on different resources",
    source="arXiv:2604.03445 (multistage pipelines)",
    params=PipelineParams,
)
def pipeline(params: PipelineParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return the stages' workflows, each beginning when the one before is over.

    Model:
        Workflows are joined end to end; tasks keep their needs, so a pilot of each kind is wanted.
    Assumes:
        Files between the stages are on a shared file system.
    Not modelled:
        The time to write and read them.
    Source:
        arXiv:2604.03445.
    """
    if not params.stages:
        raise ConfigError("no stages", where="stages", allowed="one or more motifs")
    for name, _ in params.settings:
        if name.split(".")[0] not in params.stages:
            raise ConfigError(f"{name}", where="settings", allowed=", ".join(f"{each}.NAME" for each in params.stages))
    flow = Workflow("", "pipeline")
    for k, motif in enumerate(params.stages):
        if motif == "pipeline":
            raise ConfigError(f"{motif}", where="stages", allowed="a motif that is no pipeline")
        own = {name.removeprefix(f"{motif}."): text for name, text in params.settings if name.startswith(f"{motif}.")}
        part: Workflow = lookup("motif", motif, "stages").target(motif_params(motif, own, motif), rng, times)
        flow.join(part, f"{k + 1} {motif}: ")
    return flow
