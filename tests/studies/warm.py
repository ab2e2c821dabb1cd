"""Imported once by the process that forks lives of the command, so that a life begins where its own work begins."""

import qhpcsim
import qhpcsim.cli.comparing
import qhpcsim.cli.planning
import qhpcsim.cli.sweep_text
import qhpcsim.cli.sweeping
import qhpcsim.studies.compare
import qhpcsim.studies.plan
import qhpcsim.studies.sweep
from tests.studies.faults import POINTS

_ = qhpcsim.simulate(qhpcsim.load("replay", [*POINTS, "policy=easy", "workload.load=0.9"])).summary
