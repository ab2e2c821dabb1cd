"""Policies with one planted fault each: which check must find it, the kind, and the plug-in file."""

from __future__ import annotations

BATCH = "from qhpcsim.policies.batch.user import Job, batch_policy\n\n\n"
VIEW = '@batch_policy("planted", summary="x")\ndef planted(view):\n'
FITS = "[job for job in view.waiting if job.nodes <= view.free_nodes]"
ORDER = "import numpy as np\n\nfrom qhpcsim.policies.batch.orders import formula\n\n\n"
FORMULA = '@formula("planted", "x", "user")\ndef planted(q):\n'
QPU = """import math
import random

from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.strategy import CutStrategy
from qhpcsim.policies.placement.placement import Placement
from qhpcsim.policies.qpu.discipline import KeyedDiscipline
from qhpcsim.policies.qpu.fifo import Fifo
from qhpcsim.qpu_scenario import QpuChoice, QpuDiscipline
from qhpcsim.scenario import PlacementParams


"""
CHOICE = '@register("qpu_choice", "planted", summary="x", params=QpuChoice)\nclass Planted:\n'
CHOICE += "    def __init__(self, view, params):\n        self.view = view\n\n"
DISCIPLINE = '@register("discipline", "planted", summary="x", params=QpuDiscipline)\nclass Planted'
PLACEMENT = '@register("placement", "planted", summary="x", params=PlacementParams)\nclass Planted(Placement):\n'
CUTTING = '@register("cutting", "planted", summary="x")\nclass Planted(CutStrategy):\n'


def sorted_by(key: str, before: str = "") -> str:
    """Start what fits in the order of a key."""
    return (
        f"{BATCH}{before}{VIEW}    free = view.free_nodes\n    for job in sorted(view.waiting, key={key}):\n"
        "        if job.nodes <= free:\n            free -= job.nodes\n            yield job\n"
    )


def answers(text: str, after: str = "", before: str = "") -> str:
    """Return one expression."""
    return f"{BATCH}{before}{VIEW}    return {text}\n{after}"


SLEEPS = f"import time\n{BATCH}{VIEW}    time.sleep(3600 if view.waiting else 0)\n    return ()\n"
LOOPS = f"{BATCH}{VIEW}    while view.waiting:\n        pass\n    return ()\n"
SETS = """    free = view.free_nodes
    for user in {job.user for job in view.waiting}:
        for job in view.waiting:
            if job.user == user and job.nodes <= free:
                free -= job.nodes
                yield job
"""
TABLE_ORDER = """from qhpcsim.core.registry import register


@register("order", "planted", summary="x")
class Planted:
    dynamic = False

    def __init__(self, table, est_s, policy, n_nodes):
        self.table = table

    def keys(self, jobs, now_s):
        self.table.walltime_s += 1.0
        return self.table.walltime_s[jobs]

    def started(self, job, now_s):
        pass

    def ended(self, job, now_s):
        pass
"""

FAULTS: dict[str, tuple[str, str]] = {
    "draws at random": ("same", sorted_by("lambda job: random.random()", "import random\n")),
    "draws at random with numpy": ("same", sorted_by("lambda job: np.random.random()", "import numpy as np\n")),
    "sorts by id": ("same", sorted_by("id")),
    "asks the time": ("same", sorted_by("lambda job: (int(time()) // 10 % 2 * job.index)", "from time import time\n")),
    "counts its calls": (
        "same",
        answers(f"{FITS}[next(n) % 2 :][:1]", before="import itertools\n\nn = itertools.count()\n"),
    ),
    "loops for ever": ("ends", LOOPS),
    "sleeps": ("ends", SLEEPS),
    "raises": ("raises", answers(f"[view.waiting[1]] if {FITS} else ()")),
    "gives ids": ("type", answers(f"[job.id for job in {FITS}[:1]]")),
    "gives None": ("type", answers("None")),
    "starts an unknown job": ("known", answers('[Job(0, 1, 1.0, 0.0, "", 99)]')),
    "starts a job twice": ("once", answers(f"{FITS}[:1] * 2")),
    "starts more than fits": ("fits", answers("view.waiting")),
    "sorts the queue in place": ("inputs", answers(f"view._state.queue.sort(key=lambda job: -job) or {FITS}[:1]")),
    "never starts wide jobs": ("everyone", answers(f"[job for job in {FITS}[:1] if job.nodes < view.n_nodes]")),
    "claims to fill the nodes": ("fills", answers(f"{FITS}[:1]", "\n\nplanted.work_conserving = True\n")),
    "goes through a set of words": ("processes", BATCH + VIEW + SETS),
    "key is NaN": ("numbers", f"{ORDER}{FORMULA}    return np.log(-q.n)\n"),
    "too few keys": ("type", f"{ORDER}{FORMULA}    return q.r[:1]\n"),
    "keys by place in the list": ("listing", f"{ORDER}{FORMULA}    return np.arange(len(q.r)) * 1.0\n"),
    "keys by the others": ("others", f"{ORDER}{FORMULA}    return q.r - q.r.mean() if len(q.r) else q.r\n"),
    "changes the workload": ("inputs", TABLE_ORDER),
    "discipline with NaN keys": (
        "numbers",
        f"{QPU}{DISCIPLINE}(KeyedDiscipline):\n    def key(self, job):\n        return math.nan\n",
    ),
    "discipline with keys that change": (
        "numbers",
        f"{QPU}{DISCIPLINE}(KeyedDiscipline):\n    n = 0\n\n"
        "    def key(self, job):\n        self.n += 1\n        return self.n\n",
    ),
    "discipline names a stranger": (
        "known",
        f"{QPU}{DISCIPLINE}(Fifo):\n    def peek(self, now_s):\n        return 7\n",
    ),
    "discipline idles": (
        "everyone",
        f"{QPU}{DISCIPLINE}(Fifo):\n    def peek(self, now_s):\n"
        "        return super().peek(now_s) if len(self) > 1 else -1\n",
    ),
    "discipline draws": (
        "same",
        f"{QPU}{DISCIPLINE}(Fifo):\n    def peek(self, now_s):\n"
        "        return random.choice(list(self._queue)) if self._queue else -1\n",
    ),
    "discipline raises priorities": (
        "inputs",
        f"{QPU}{DISCIPLINE}(Fifo):\n    def push(self, job):\n"
        "        self.jobs.priority[job] = 9\n        super().push(job)\n",
    ),
    "choice of a QPU that cannot": (
        "known",
        f"{QPU}{CHOICE}    def choose(self, job, able):\n        return self.view.n_qpus - 1\n",
    ),
    "choice of nothing": ("type", f"{QPU}{CHOICE}    def choose(self, job, able):\n        return None\n"),
    "choice at random": (
        "same",
        f"{QPU}{CHOICE}    def choose(self, job, able):\n        return random.choice(able)\n",
    ),
    "choice takes from the list": (
        "inputs",
        f"{QPU}{CHOICE}    def choose(self, job, able):\n        return able.pop()\n",
    ),
    "placement with NaN ranks": (
        "numbers",
        f"{QPU}{PLACEMENT}    def rank(self, option, rivals):\n"
        "        return (option.completion_s / option.fidelity,)\n",
    ),
    "placement of the impossible": (
        "known",
        f'{QPU}{PLACEMENT}    def check(self, options, where=""):\n        pass\n\n'
        '    def choose(self, options, where=""):\n        return 0\n',
    ),
    "placement gives a float": (
        "type",
        f'{QPU}{PLACEMENT}    def choose(self, options, where=""):\n        return 0.0\n',
    ),
    "cutting beyond the options": ("known", f"{QPU}{CUTTING}    def choose(self, view):\n        return 1\n"),
    "cutting at random": (
        "same",
        f"{QPU}{CUTTING}    def choose(self, view):\n        return random.randrange(len(view.options))\n",
    ),
}
"""What is wrong -> (the check that must say so, the file)."""
