"""What a workload holds, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qhpcsim.core.wording import duration

if TYPE_CHECKING:
    from qhpcsim.core.records import JobTable


def workload_text(table: JobTable) -> str:
    """Return the figures of a workload and what the reader changed, a line each."""
    from qhpcsim.workloads.describe import describe

    figures = describe(table)
    cleaned = figures.pop("cleaned", {})
    lines = [f"  {_label(key):<22} {_value(key, value)}" for key, value in figures.items() if value is not None]
    lines += [f"  cleaned: {rule}: {n:,}" for rule, n in cleaned.items()]
    return "\n".join(lines)


def _label(key: str) -> str:
    return key.removesuffix("_s").replace("_", " ")


def _value(key: str, value: Any) -> str:
    if key == "first_submit_s":
        return f"{value:,.15g} s"
    if key.endswith("_s"):
        return duration(value)
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
