"""Colours of the figures as people see them, by the model of Machado and others (2009)."""

from itertools import combinations

import numpy as np
import pytest

from qhpcsim.report import activity, hybrid_view, palette, qpu_time, workflow_view

SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Tables of the paper for severity 1, on linear RGB."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
LEAST = 12.0


def lab(colour, sight):
    """Return a colour in CIE Lab, D65."""
    rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(sight @ linear, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_lab_is_cie_lab():
    assert lab("#FFFFFF", SIGHT["normal"]) == pytest.approx([100, 0, 0], abs=0.01)
    assert lab("#FF0000", SIGHT["normal"]) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


@pytest.mark.parametrize("sight", SIGHT)
def test_no_two_colours_look_alike(sight):
    for one, other in combinations([*palette.ALL, "#FFFFFF"], 2):
        apart = np.linalg.norm(lab(one, SIGHT[sight]) - lab(other, SIGHT[sight]))
        assert apart >= LEAST, (one, other)


def test_figures_take_their_colours_from_it():
    phases = [*workflow_view.LOOKS, *hybrid_view.LOOKS, activity.OTHER]
    assert {each.colour for each in (*phases, *qpu_time.USES)} <= set(palette.ALL)
    for looks in (workflow_view.LOOKS, hybrid_view.LOOKS, qpu_time.USES):
        assert len({each.colour for each in looks}) == len(looks)
    same = {look.label: look.colour for look in workflow_view.LOOKS}
    assert all(same.get(look.label, look.colour) == look.colour for look in hybrid_view.LOOKS)
