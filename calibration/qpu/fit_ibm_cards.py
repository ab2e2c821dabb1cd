"""Make the IBM cards from the fake backends of qiskit-ibm-runtime, or show what MQT Bench says of other vendors.

    python calibration/qpu/fit_ibm_cards.py            # writes ibm_eagle_r3.yaml … ibm_nighthawk_r1.yaml here
    python calibration/qpu/fit_ibm_cards.py --mqt      # prints medians of the targets of other vendors

Medians are over qubits or couplers with an error below 0.5 (failed calibrations are stored as 1), then over the
backends of a family. Service-time entries come from ibm_2023.yaml; run fit_service_time.py first.
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rustworkx
import service_time_card

from qhpcsim.circuits.topology import edges
from qhpcsim.core.cards import Card, card

HERE = Path(__file__).parent
DERIVED = """,
    method: derived, licence: MIT, date: 2026-11-22,
    source: "card ibm_2023 (same service, older processors); not measured here, uncertainty is our judgement"}"""
RATE_SOURCE = "https://quantum.cloud.ibm.com/computers, as quoted in 2026-09"


@dataclass(frozen=True)
class Family:
    """A processor type and its fake backends."""

    about: str
    backends: tuple[str, ...]
    topology: str = "heavy_hex"
    shot_rate_hz: float | None = None
    """Published median circuits per second; None: not published."""


FAMILIES = {
    "ibm_eagle_r3": Family("IBM Eagle r3, 127 qubits", ("brisbane", "brussels", "sherbrooke")),
    "ibm_heron_r1": Family("IBM Heron r1, 133 qubits", ("torino",)),
    "ibm_heron_r2": Family("IBM Heron r2, 156 qubits", ("fez", "kingston", "marrakesh"), shot_rate_hz=3800.0),
    "ibm_heron_r3": Family("IBM Heron r3, 156 qubits", ("aachen", "boston", "pittsburgh"), shot_rate_hz=3800.0),
    "ibm_nighthawk_r1": Family("IBM Nighthawk r1, 120 qubits", ("berlin", "miami"), "grid", 250.0),
}
TWO_QUBIT = ("cz", "ecr", "cx", "iswap", "rzz", "ms", "rxx")
IBM_GATES = ("rz", "sx", "x", "id")
ONE_QUBIT = ("sx", "r", "prx", "rx", "gpi2", "u3")


def target_medians(target: Any) -> dict[str, float]:
    """Return medians of a Qiskit Target: errors, durations in seconds, T1 and T2 in seconds."""
    found: dict[str, float] = {"n_qubits": float(target.num_qubits)}
    for name, gates in (("1q", ONE_QUBIT), ("2q", TWO_QUBIT), ("readout", ("measure",))):
        gate = next((g for g in gates if g in target.operation_names), None)
        properties = [p for p in (target[gate] or {}).values() if p is not None] if gate else []
        errors = [p.error for p in properties if p.error is not None and p.error < 0.5]
        durations = [p.duration for p in properties if p.duration]
        found |= {f"error_{name}": float(np.median(errors))} if errors else {}
        found |= {f"time_{name}": float(np.median(durations))} if durations else {}
    for name in ("t1", "t2"):
        times = [getattr(q, name, None) for q in target.qubit_properties or []]
        found |= {name: float(np.median([t for t in times if t]))} if any(times) else {}
    return found


def family_medians(family: Family) -> tuple[dict[str, float], dict[str, float], dt.date, str]:
    """Return medians and standard deviations over a family's backends, the newest date, and the package's version."""
    try:
        import qiskit_ibm_runtime
        from qiskit_ibm_runtime.fake_provider import FakeProviderForBackendV2
    except ImportError as error:
        raise SystemExit(f"this script needs qiskit-ibm-runtime: pip install qiskit-ibm-runtime ({error})") from None
    provider = FakeProviderForBackendV2()
    rows, dates = [], []
    for name in family.backends:
        backend = provider.backend(f"fake_{name}")
        rows.append(target_medians(backend.target) | {"rep_delay": float(backend.default_rep_delay)})
        dates.append(backend.properties().last_update_date.date())
    keys = [key for key in rows[0] if all(key in row for row in rows)]
    columns = {key: np.array([row[key] for row in rows]) for key in keys}
    sd = {key: float(v.std(ddof=1)) if len(v) > 1 else 0.0 for key, v in columns.items()}
    return {key: float(np.median(v)) for key, v in columns.items()}, sd, max(dates), qiskit_ibm_runtime.__version__


def native_gates(family: Family) -> list[str]:
    """Return the gates of a family's backends, after checking that their couplers form its topology."""
    from qiskit_ibm_runtime.fake_provider import FakeProviderForBackendV2

    found: set[tuple[str, ...]] = set()
    for name in family.backends:
        target = FakeProviderForBackendV2().backend(f"fake_{name}").target
        found.add(tuple(gate for gate in (*IBM_GATES, *TWO_QUBIT) if gate in target.operation_names))
        measured, lattice = rustworkx.PyGraph(), rustworkx.PyGraph()
        measured.extend_from_edge_list(sorted({tuple(sorted(e)) for e in target.build_coupling_map().get_edges()}))
        lattice.extend_from_edge_list(edges(family.topology, target.num_qubits))
        if not rustworkx.is_isomorphic(measured, lattice):
            raise SystemExit(f"{name}: its couplers are no {family.topology} of {target.num_qubits} qubits")
    if len(found) != 1:
        raise SystemExit(f"{family.about}: backends with different gates: {sorted(found)}")
    return list(found.pop())


def layer_share(fit: Card, falcon: dict[str, float]) -> float:
    """Return the share of layers with a two-qubit gate that explains the fitted layer time on Falcon's gates."""
    layer_s = fit.value("time_layer") * 1e-9
    return float(np.clip((layer_s - falcon["time_1q"]) / (falcon["time_2q"] - falcon["time_1q"]), 0.0, 1.0))


def family_card(family: Family, fit: Card, falcon: dict[str, float]) -> str:
    """Return the text of a family's card."""
    median, sd, date, version = family_medians(family)
    share = layer_share(fit, falcon)
    layer_s = share * median["time_2q"] + (1 - share) * median["time_1q"]
    entry = service_time_card.entry
    lines = [
        "# Written by calibration/qpu/fit_ibm_cards.py; do not edit by hand.",
        f"card: {family.about}",
        "model: superconducting",
        f"topology: {family.topology}",
        f"native_gates: [{', '.join(native_gates(family))}]",
        "method: published; median over qubits or couplers with an error below 0.5, then over backends",
        f'source: "qiskit-ibm-runtime {version}, fake backends {", ".join(family.backends)}"',
        "licence: Apache-2.0",
        "script: calibration/qpu/fit_ibm_cards.py",
        f"date: {date}",
        "entries:",
        entry("n_qubits", median["n_qubits"], "qubits", 0.0),
        "  max_executions: {value: 10000000, unit: executions, uncertainty: 0, licence: none stated, date: 2026-11-22,",
        '    source: "https://quantum.cloud.ibm.com/docs/guides/job-limits"}',
        "  price_per_s: {value: 1.6, unit: USD/s, uncertainty: 0, licence: none stated, date: 2026-11-22,",
        '    source: "IBM Quantum pricing, pay as you go"}',
        entry("rep_delay", 1e6 * median["rep_delay"], "us", 1e6 * sd["rep_delay"]),
    ]
    if family.shot_rate_hz:
        lines.append(
            f"  max_shot_rate: {{value: {family.shot_rate_hz:g}, unit: Hz, uncertainty: null, licence: none stated,"
        )
        lines.append(f'    date: 2026-09-25, source: "{RATE_SOURCE}"}}')
    for name in ("1q", "2q", "readout"):
        lines.append(entry(f"time_{name}", 1e9 * median[f"time_{name}"], "ns", 1e9 * sd[f"time_{name}"]))
        lines.append(entry(f"error_{name}", median[f"error_{name}"], "1", sd[f"error_{name}"]))
    lines += [entry(name, 1e6 * median[name], "us", 1e6 * sd[name]) for name in ("t1", "t2")]
    note = f"{share:.2f} of the layers hold a two-qubit gate, as in the fit of ibm_2023"
    lines.append(entry("time_layer", 1e9 * layer_s, "ns", 0.3e9 * layer_s, note, "derived"))
    return "\n".join([*lines, *derived_entries(fit, falcon)]) + "\n"


def derived_entries(fit: Card, falcon: dict[str, float]) -> list[str]:
    """Return the service-time entries of ibm_2023, said to be derived, with half their value as uncertainty."""
    extra_us = fit.value("time_shot_extra") - 1e6 * falcon["time_readout"]
    lines = [
        service_time_card.entry("time_shot_extra", extra_us, "us", 0.5 * extra_us, "beside the readout")[:-1] + DERIVED,
        '  time_factor_sigma: {value: 0.1, unit: "1", uncertainty: null, method: assumption, licence: none needed,',
        '    date: 2026-11-22, source: "unmeasured layer time and shot overhead; 0.03 where they were fitted"}',
    ]
    for name, found in fit.entries.items():
        if name.startswith(("load", "execution_floor", "overhead")):
            one = not isinstance(found.value, list)
            sd = 0.5 * found.value if one and found.uncertainty is not None else None
            text = service_time_card.entry(name, found.value, found.unit, sd, found.note)[:-1]
            lines.append(text + DERIVED)
    return lines


def show_mqt() -> None:
    """Print the medians of MQT Bench's targets of other vendors."""
    try:
        from mqt.bench.targets import get_available_device_names, get_device
    except ImportError as error:
        raise SystemExit(f"this needs MQT Bench 2: pip install mqt.bench ({error})") from None
    for name in get_available_device_names():
        if not name.startswith("ibm"):
            values = target_medians(get_device(name))
            print(name, ", ".join(f"{key} {value:.4g}" for key, value in values.items()))


def main() -> None:
    """Write the cards, or print the other vendors' medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mqt", action="store_true")
    if parser.parse_args().mqt:
        show_mqt()
        return
    fit = card(HERE / "ibm_2023.yaml")
    falcon = family_medians(Family("Falcon r5.11", ("hanoi", "lagos", "nairobi", "perth")))[0]
    for name, family in FAMILIES.items():
        (HERE / f"{name}.yaml").write_text(family_card(family, fit, falcon), encoding="utf-8")
        print(f"wrote {name}.yaml")


if __name__ == "__main__":
    main()
