"""Gymnasium environments over the batch queue and the QPU queue; importing this registers them.

``gymnasium.make("qhpcsim/BatchQueue-v0", scenario=..., overrides=[...])`` and ``"qhpcsim/QpuQueue-v0"``. Needs
``pip install "qhpcsim[rl]"``.
"""

from __future__ import annotations

from qhpcsim.core.errors import QhpcsimError

try:
    import gymnasium
except ImportError as error:
    raise QhpcsimError(
        f"the environments need Gymnasium: {error}", where="qhpcsim.rl", hint='pip install "qhpcsim[rl]"'
    ) from error

from qhpcsim.rl.agents import follow
from qhpcsim.rl.batch_env import BatchQueueEnv
from qhpcsim.rl.qpu_env import QpuQueueEnv

__all__ = ["BatchQueueEnv", "QpuQueueEnv", "follow"]

for _id, _home in (
    ("qhpcsim/BatchQueue-v0", "qhpcsim.rl.batch_env:BatchQueueEnv"),
    ("qhpcsim/QpuQueue-v0", "qhpcsim.rl.qpu_env:QpuQueueEnv"),
):
    if _id not in gymnasium.registry:
        gymnasium.register(id=_id, entry_point=_home)
