"""``qhpcsim predict qpu``: circuits or tables of jobs on a calibrated QPU."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.cli.output import complain, say, table
from qhpcsim.core.errors import ConfigError, QhpcsimError

if TYPE_CHECKING:
    from qhpcsim.models.predict_circuit import CircuitAnswer

OPTIONS = ("table", "copies")
SHOTS = 1024


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare the arguments that only a QPU has."""
    group.add_argument(
        "--table",
        metavar="IN.csv",
        help="jobs, one a row: n_circuits, shots, and depth_total, n_2q_total, n_qubits_total (sums over the circuits "
        "of a job) or circuit (a file, relative to the table); predicted_s, p5_s and p95_s are added",
    )
    group.add_argument("--copies", metavar="K", type=int, help="equal circuits in the job (default 1)")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    given = [name for name in ("circuit", "circuits", "table") if getattr(args, name) is not None]
    if len(given) != 1:
        raise ConfigError(
            "what to predict is not said" if not given else f"--{given[0]} and --{given[1]} at once",
            where="predict qpu",
            allowed="one of --circuit FILE, --circuits DIR, --table IN.csv",
            hint="qhpcsim predict --help",
        )
    _check(args, given[0])
    return {"circuit": _circuit, "circuits": _circuits, "table": _table}[given[0]](args)


def _check(args: argparse.Namespace, given: str) -> None:
    """Refuse options that would be passed over."""
    if given == "circuit" and args.out is not None:
        raise ConfigError("--circuit prints its answer", where="--out", hint="--circuits DIR --out OUT.csv")
    if given != "circuit" and args.out is None:
        raise ConfigError(f"--{given} needs a file to write", where="--out", hint="--out OUT.csv")
    for name in ("shots", "copies"):
        number = getattr(args, name)
        if given == "table" and number is not None:
            column = {"shots": "shots", "copies": "n_circuits"}[name]
            raise ConfigError("the table says it itself", where=f"--{name}", allowed=f"its column {column}")
        if number is not None and number < 1:
            raise ConfigError(f"{number}", where=f"--{name}", allowed="1 or more")


def _table(args: argparse.Namespace) -> int:
    from qhpcsim.cli.prediction import settings
    from qhpcsim.models.predict_qpu import predict_table

    for part in predict_table(args.card, args.table, args.out, args.measure_all, **settings(args.set)):
        say(f"extrapolated: {part}")
    say(f"wrote {args.out}")
    return 0


def _circuit(args: argparse.Namespace) -> int:
    from qhpcsim.cli.prediction import settings
    from qhpcsim.models.predict_circuit import CircuitPredictor

    path, shots, copies = Path(args.circuit), args.shots or SHOTS, args.copies or 1
    predictor = CircuitPredictor(args.card, args.measure_all, **settings(args.set))
    found = predictor.answer(path, shots, copies)
    circuits = "1 circuit" if copies == 1 else f"{copies:,} circuits"
    say(f"{path.name} on {predictor.model.name}: {circuits}, {shots:,} shots each")
    say(table(_lines(found), right=False))
    for note in found.notes():
        say(note)
    words = ["qhpcsim", "predict", "qpu", "--card", args.card, "--circuits", str(path.parent), "--out", "predicted.csv"]
    words += [part for word in args.set for part in ("--set", word)]
    say(f"\nnext: {shlex.join(words)}")
    return 0


def _lines(found: CircuitAnswer) -> list[tuple[str, str]]:
    """Return what is known of one job, a label and a figure a line."""
    circuit, (median_s, low_s, high_s) = found.features, found.time_s
    duration = "not known" if circuit.duration_s is None else _seconds(circuit.duration_s)
    fidelity = "not known: the card states no errors" if found.fidelity is None else f"{found.fidelity:.3g}"
    lines = [
        ("predicted time", f"{_seconds(median_s)}  (90 % between {_seconds(low_s)} and {_seconds(high_s)})"),
        ("depth", f"{circuit.depth:,}  (compiled for the device)"),
        ("two-qubit gates", f"{circuit.n_2q:,}"),
        ("qubits", f"{circuit.n_qubits:,}"),
        ("duration of a shot", f"{duration}  (first gate to last readout)"),
        ("expected fidelity", fidelity),
    ]
    if found.price is None:
        return [*lines, ("price", "not known: the card states none")]
    median, low, high = (f"{value:,.3g}" for value in found.price)
    between = f"  (between {low} and {high})" if low != high else ""
    return [*lines, ("price", f"{median} {found.currency}{between}")]


def _circuits(args: argparse.Namespace) -> int:
    """Predict a folder; one line for every file that is refused, and exit code 2 if there was one."""
    from qhpcsim.cli.prediction import settings
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.models.predict_circuit import CircuitPredictor, circuit_files, one_line, refused, write_rows

    target = Path(args.out)
    if target.is_dir():
        raise QhpcsimError("is a folder", where=str(target), allowed="the name of a file to write")
    predictor = CircuitPredictor(args.card, args.measure_all, **settings(args.set))
    files, rows, n_refused, n_noted = circuit_files(Path(args.circuits)), [], 0, 0
    with progress_bar("circuits") as progress:
        for path in files:
            try:
                found = predictor.answer(path, args.shots or SHOTS, args.copies or 1)
                rows.append(found.row(path.name))
                n_noted += bool(found.notes())
            except QhpcsimError as error:
                complain(one_line(error))
                rows.append(refused(path.name, error))
                n_refused += 1
            if progress is not None:
                progress(len(rows) / len(files))
    write_rows(target, rows)
    say(f"wrote {target}: {len(files) - n_refused} predicted, {n_refused} refused (column error says why)")
    if n_noted:
        say(f"{n_noted} predictions need a second look: column note says why")
    return QhpcsimError.exit_code if n_refused else 0


def _seconds(value: float) -> str:
    """Return a duration with three digits in the unit that a person would choose."""
    for limit, scale, unit in ((1e-6, 1e9, "ns"), (1e-3, 1e6, "us"), (1.0, 1e3, "ms")):
        if value < limit:
            return f"{value * scale:.3g} {unit}"
    return f"{value:,.3g} s" if value < 1000 else f"{value:,.0f} s"
