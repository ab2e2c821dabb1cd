"""QML compression: tens of thousands of images become circuits, in one wave of long tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qhpcsim.core.cards import card
from qhpcsim.core.circuit_times import CircuitTimes
from qhpcsim.core.registry import register
from qhpcsim.core.workflow_records import Bag, Need, Workflow
from qhpcsim.workloads.motifs.parts import MotifParams, check_counts, check_times, time_s


@dataclass(frozen=True)
class QmlCompressionParams(MotifParams):
    """Parameters of the compression, named as in the mini-app; None: what the cards say."""

    coupling: ClassVar[str] = "loose"
    mode: ClassVar[str] = "HPC-for-Quantum"

    n_samples: int = 60_000
    """Images."""
    slots: int = 256
    """Slots of the application's pilots: the images are divided into at most so many tasks."""
    batches: int = 0
    """Tasks; 0: the largest divisor of ``n_samples`` that is not above ``slots``, so that there is one wave."""
    image_s: float | None = None
    """An image, alone on its node: card ``tasks/compression``."""
    load_s: float | None = None
    """Start-up on each node: imports and files, card ``motifs/qml_compression``."""

    @property
    def n_tasks(self) -> int:
        """Tasks that the images are divided into."""
        return self.batches or max(b for b in range(1, self.slots + 1) if self.n_samples % b == 0)


@register(
    "motif",
    "qml_compression",
    summary="compression of 60,000 images to circuits: one wave of long tasks",
    source="quantum mini-apps, arXiv:2405.07333; times: cards tasks/compression, motifs/qml_compression",
    params=QmlCompressionParams,
)
def qml_compression(params: QmlCompressionParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return one bag of tasks of (almost) equally many images.

    Model:
        T = images · seconds an image, each image with a random factor, alone on its node: what its neighbours cost is
        the pool's. The nodes load the application first.
    Assumes:
        Loading takes as long on many nodes as on few.
    Not modelled:
        Differences between images.
    Source:
        See the cards.
    """
    check_counts(params, "n_samples", "slots")
    check_counts(params, "batches", least=0)
    check_times(params)
    law = card("motifs/qml_compression")
    image_s = time_s(card("tasks/compression"), "alone") if params.image_s is None else params.image_s
    load_s = time_s(law, "start_up") if params.load_s is None else params.load_s
    n, rest = divmod(params.n_samples, params.n_tasks)
    images = np.full(params.n_tasks, n) + (np.arange(params.n_tasks) < rest)
    images = images[images > 0]
    noise = 1.0 + law.value("image_cv") / np.sqrt(images) * rng.standard_normal(len(images))
    flow = Workflow("", "qml_compression", load_s=load_s)
    run_s = images * image_s
    flow.add("compression", Bag(run_s * np.maximum(noise, 0.0), Need(), predicted_s=run_s, kind="qml_compression"))
    return flow
