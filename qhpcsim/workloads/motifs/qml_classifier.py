"""QML classifier: batches of images on a GPU, after a compilation that pays off later."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qhpcsim.core.cards import Card, card
from qhpcsim.core.circuit_times import CircuitTimes
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import register
from qhpcsim.core.workflow_records import Bag, Need, Workflow
from qhpcsim.workloads.motifs.parts import MotifParams, check_counts, check_times, time_s


@dataclass(frozen=True)
class QmlClassifierParams(MotifParams):
    """Parameters of the classifier, named as in the mini-app; None: what the card ``motifs/qml_classifier`` says."""

    coupling: ClassVar[str] = "medium"
    mode: ClassVar[str] = "Quantum-in-HPC"

    n_qubits: int = 13
    """Other numbers than the card's need ``batch_s``."""
    batch_size: int = 64
    n_batches: int = 502
    n_epochs: int = 1
    jit: bool = True
    vmap: bool = True
    configurations: int = 1
    """Trainings side by side, each one task."""
    cores: float = 1.0
    gpus: float = 1.0
    batch_s: float | None = None
    compile_s: float | None = None


@register(
    "motif",
    "qml_classifier",
    summary="training of a classifier: compilation, then batches on one GPU",
    source="quantum mini-apps, arXiv:2405.07333; times: card motifs/qml_classifier",
    params=QmlClassifierParams,
)
def qml_classifier(params: QmlClassifierParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return one bag with a task for each training.

    Model:
        T = compilation (with ``jit``) + epochs · batches · (a + b · batch size), a and b by ``jit`` and ``vmap``; the
        batches' random times add up to a normal law.
    Assumes:
        Nothing is compiled again after the first batch.
    Not modelled:
        Other numbers of qubits, loading of images.
    Source:
        calibration/motifs/qml_classifier.yaml.
    """
    check_counts(params, "n_qubits", "batch_size", "n_batches", "n_epochs", "configurations")
    check_times(params)
    law = card("motifs/qml_classifier")
    each_s = batch_s(params, law)
    n = params.n_batches * params.n_epochs
    compile_s = time_s(law, "compile") if params.compile_s is None else params.compile_s
    start_s = compile_s if params.jit else 0.0
    noise = 1.0 + law.value("batch_cv") / math.sqrt(n) * rng.standard_normal(params.configurations)
    flow = Workflow("", "qml_classifier")
    flow.add(
        "training",
        Bag(
            run_s=start_s + n * each_s * np.maximum(noise, 0.0),
            need=Need(params.cores, params.gpus),
            predicted_s=np.full(params.configurations, start_s + n * each_s),
            kind="qml_classifier",
            device_class="gpu",
        ),
    )
    return flow


def batch_s(params: QmlClassifierParams, law: Card) -> float:
    """Return the time of one batch, in seconds.

    Raises:
        ConfigError: for a number of qubits that the card does not hold for.
    """
    if params.batch_s is not None:
        return params.batch_s
    if params.n_qubits != law.value("qubits"):
        raise ConfigError(
            f"batches of {params.n_qubits} qubits were not measured",
            where="n_qubits",
            allowed=f"{law.value('qubits'):g}",
            hint="or give batch_s",
        )
    kind = {(False, False): "eager", (True, False): "jit", (False, True): "vmap", (True, True): "jit_vmap"}
    name = kind[params.jit, params.vmap]
    return time_s(law, f"{name}_fixed") + time_s(law, f"{name}_per_sample") * params.batch_size
