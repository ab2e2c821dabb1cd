"""Colours of what time, nodes, GPUs and QPUs go into: one thing has one colour in every figure of a page.

Any two of them, and each and white paper, are at least 12 apart in CIE Lab as people with normal sight, protanopia,
deuteranopia and tritanopia see them (Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113); a test computes
it.
"""

from __future__ import annotations

ON_QPU = "#029E73"
OTHERS_ON_QPU = "#8CEBBD"
ON_GPU = "#0173B2"
"""Also classical phases, of which nobody says where on the node they run."""
ON_CPU = "#56B4E9"
OWN_WORK = "#8A4A1F"
MIDDLEWARE = "#D55E00"
"""Dispatch, launches, resizes; hatched: an outage."""
WAITS_FOR_QPU = "#F7DC3B"
WAITS_FOR_NODES = "#C9CCD1"
IN_NO_PHASE = "#5A2FB0"
HELD_IDLE = "#D6589F"
CALIBRATION = "#EFA65A"
CLOSED = "#565656"

ALL = (
    ON_QPU, OTHERS_ON_QPU, ON_GPU, ON_CPU, OWN_WORK, MIDDLEWARE, WAITS_FOR_QPU, WAITS_FOR_NODES, IN_NO_PHASE, HELD_IDLE,
    CALIBRATION, CLOSED,
)  # fmt: skip
