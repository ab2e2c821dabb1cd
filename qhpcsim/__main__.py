"""``python -m qhpcsim``: the command line."""

import sys

from qhpcsim.cli import main

sys.exit(main())
