"""Write expected.json from the results of the last ``study.py``: what README and tests then promise."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent
TOLERANCE = {"cases judged": 0.0, "standard deviation of (value − exact)/stderr": 0.02}
DEFAULT = 0.5
"""Of figures in per cent: fits may differ in their last digits between machines."""


def main() -> None:
    """Write the file."""
    found = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    rows = {
        name: {"value": value, "tolerance": TOLERANCE.get(name, DEFAULT), "quoted": f"{value:g}"}
        for name, value in found.items()
    }
    text = json.dumps(rows, indent=2, ensure_ascii=False)
    (FOLDER / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
