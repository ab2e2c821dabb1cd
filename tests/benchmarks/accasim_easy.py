"""Runs AccaSim's own EASY on an SWF file and prints the CPU seconds of its simulation; a program of its own.

Usage: accasim_easy.py LOG.swf CORES OUTPUT_FOLDER

AccaSim 1.1.3 imports ``collections.Mapping``, which Python 3.10 removed; the shim below is all it needs. Its EASY
keeps the head's first reservation even if nodes come free earlier, so its schedule is not the textbook one.
"""

import collections
import collections.abc
import json
import sys
import time
from pathlib import Path

collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]


def main() -> None:
    """Simulate and print the seconds."""
    from accasim.base.allocator_class import FirstFit
    from accasim.base.scheduler_class import EASYBackfilling
    from accasim.base.simulator_class import Simulator

    log, cores, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    machine = {
        "system_name": "flat",
        "start_time": 0,
        "equivalence": {"processor": {"core": 1}},
        "groups": {"node": {"core": cores, "mem": 10**12}},
        "resources": {"node": 1},
    }
    config = folder / "machine.json"
    config.write_text(json.dumps(machine))
    quiet = {"statistics_output": False, "show_statistics": False, "LOG_LEVEL": "ERROR"}
    simulator = Simulator(log, str(config), EASYBackfilling(FirstFit()), RESULTS_FOLDER_NAME=str(folder), **quiet)
    began_s = time.process_time()
    simulator.start_simulation()
    print(f"cpu_s {time.process_time() - began_s:.4f}")


if __name__ == "__main__":
    main()
