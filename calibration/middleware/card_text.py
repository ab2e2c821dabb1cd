"""How the cards of this folder are written."""

from __future__ import annotations

DATE = "2026-11-23"
PILOT = "https://github.com/radical-cybertools/pilot-quantum"
MINI_APPS = "https://github.com/radical-cybertools/quantum-mini-apps"


def entry(
    name: str, value: object, unit: str, sd: float | None = None, note: str = "", method: str = "", source: str = ""
) -> str:
    """Return one entry of a card; four digits."""
    shown = [float(f"{v:.4g}") for v in value] if isinstance(value, list) else float(f"{value:.4g}")
    fields = [f"value: {shown}", "unit: " + ('"1"' if unit == "1" else unit)]
    fields.append(f"uncertainty: {'null' if sd is None else f'{sd:.2g}'}")
    fields += [f'{key}: "{text}"' for key, text in (("method", method), ("source", source), ("note", note)) if text]
    return f"  {name}: {{{', '.join(fields)}}}"


def text(about: str, method: str, source: str, licence: str, script: str, lines: list[str]) -> str:
    """Return a whole card."""
    head = [f"# Written by {script}; do not edit by hand.", f'card: "{about}"', f'method: "{method}"']
    rest = [f'source: "{source}"', f"licence: {licence}", f"script: {script}", f"date: {DATE}", "entries:", *lines, ""]
    return "\n".join(head + rest)
