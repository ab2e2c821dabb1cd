"""The compiled replay kernel: rigid jobs on identical, exclusive nodes, millions of them per second."""

from __future__ import annotations

from qhpcsim.facility.kernel.replay import KernelReplay, is_ready
from qhpcsim.facility.kernel.support import unsupported

__all__ = ["KernelReplay", "is_ready", "unsupported"]
