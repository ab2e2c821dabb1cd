"""Circuit cutting for users: ``plan`` says what each way to run a circuit would take, ``run`` does the best of them.

``plan("qaoa:20:graph=ring", ["Z" * 20], workers=2)`` returns a ``CutAnswer``; ``run(answer)`` returns a ``CutRun``.
"""

from qhpcsim.cutting.planning import CutAnswer, Ranked, plan
from qhpcsim.cutting.running import CutRun, Skipped, run, run_all

__all__ = ["CutAnswer", "CutRun", "Ranked", "Skipped", "plan", "run", "run_all"]
