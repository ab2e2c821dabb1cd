"""State-vector models by the name of their card: CPUs, GPUs, several GPUs; and what ``list devices`` says of them."""

from __future__ import annotations

from pathlib import Path

from qhpcsim.core.cards import Card, card
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError, ConfigError, nearest, shorten
from qhpcsim.models.cpu_statevector import MODEL, CpuStateVector
from qhpcsim.models.gpu_card import card_names
from qhpcsim.models.gpu_cluster import distributed
from qhpcsim.models.gpu_statevector import GpuStateVector
from qhpcsim.models.statevector import StateVectorModel

FOLDERS = ("cpu", "gpu")
CLUSTERS = {"a100": "perlmutter_cusvaer", "h100": "dgx_h100", "h200": "dgx_h100", "b200": "dgx_b200"}
"""First word of a GPU's name -> the card of the links that several of them are taken to have."""


def device_cards() -> dict[str, Path]:
    """Return the shipped cards of devices by name."""
    return {path.stem: path for folder in FOLDERS for path in sorted((data_dir("calibration") / folder).glob("*.yaml"))}


def open_statevector(name: str, n_devices: int = 1, cluster: str = "") -> StateVectorModel:
    """Return the model of a device, or of several equal GPUs.

    Args:
        name: A card in ``calibration/cpu/`` or ``calibration/gpu/``, or the path of one.
        n_devices: Number of GPUs.
        cluster: Card of the links between them; "": the usual ones for the GPU.

    Raises:
        CardError: if the card is missing or wrong, or the device is a CPU and not one.
    """
    path = _path(name)
    if card(path).model == MODEL:
        if n_devices != 1 or cluster:
            raise ConfigError(f"{name} is a CPU", where="--devices, --cluster", allowed="one CPU", hint=_HINT)
        return CpuStateVector.open(str(path))
    device = str(path) if path.suffix in (".yaml", ".yml") and path.stem not in device_cards() else path.stem
    if n_devices == 1 and not cluster:
        return GpuStateVector.open(device)
    return distributed(device, cluster or _usual_links(path.stem), n_devices)


_HINT = "qhpcsim list devices"


def _usual_links(device: str) -> str:
    found = CLUSTERS.get(device.split("_")[0])
    if found is None:
        raise ConfigError(f"the links of {device} are not known", where="--cluster", allowed="a card of clusters")
    return found


def _path(name: str) -> Path:
    known = device_cards()
    if name in known:
        return known[name]
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    raise CardError(
        f"no card of a device {shorten(name)!r}",
        allowed=", ".join(known),
        suggestion=nearest(name, known),
        hint=_HINT,
    )


def device_rows() -> list[tuple[str, str, str]]:
    """Return (name, summary with held-out error, source) of every shipped card of a device."""
    return [_row(name, path) for name, path in device_cards().items()]


def cluster_rows() -> list[tuple[str, str, str]]:
    """Return (name, summary with held-out error, source) of every shipped card of links between GPUs."""
    return [_row(name, path) for name, path in card_names("clusters").items()]


def _row(name: str, path: Path) -> tuple[str, str, str]:
    try:
        read = card(path)
    except CardError as error:
        return name, f"unusable: {error.message}", ""
    sources = [entry.source for entry in read.entries.values()]
    return name, f"{read.about}; {_quality(read)}", max(sources, key=sources.count)


def _quality(read: Card) -> str:
    """Return the held-out error in words."""
    if "held_out_error" in read.entries:
        families, *large = (100 * value for value in read.array("held_out_error"))
        return f"held-out error {families:.1f} % (families)" + (f", {large[0]:.1f} % (small to large)" if large else "")
    if "fit_error" in read.entries:
        return f"held-out error {100 * read.value('fit_error'):.1f} %"
    return "not measured on this device"
