"""``qhpcsim predict statevector``: circuits on Qiskit Aer's state-vector simulator, on a calibrated CPU or GPU.

What is predicted is the wall time of one warm ``AerSimulator(method="statevector", max_parallel_threads=T)
.run(circuit, shots=N).result()`` on a circuit already transpiled to the simulator's gates at optimization level 0; T
are the card's threads. With an observable, ``save_expectation_value`` on the qubits that it acts on replaces the shots.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.cli.output import complain, say, table
from qhpcsim.core.errors import ConfigError, QhpcsimError
from qhpcsim.core.wording import duration

if TYPE_CHECKING:
    from qhpcsim.circuits.observable import Observable
    from qhpcsim.models.predict_statevector import Answer

OPTIONS = ("observable", "devices", "cluster")


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare the arguments that only a state vector has."""
    group.add_argument(
        "--observable", metavar="ZZI", help="Pauli string, the last letter for qubit 0, or a sum of them"
    )
    group.add_argument("--devices", metavar="N", type=int, help="number of equal GPUs (default 1)")
    group.add_argument("--cluster", metavar="NAME", help="card of the links between GPUs (default: usual for the GPU)")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    _check(args)
    from qhpcsim.circuits.observable import Observable

    observable = Observable.parse(args.observable) if args.observable is not None else None
    return _one(args, observable) if args.circuit is not None else _many(args, observable)


def _check(args: argparse.Namespace) -> None:
    """Refuse options that contradict each other or would be passed over."""
    if (args.circuit is None) == (args.circuits is None):
        raise ConfigError(
            "what to predict is not said" if args.circuit is None else "--circuit and --circuits at once",
            where="predict statevector",
            allowed="one of --circuit FILE|family:n:params, --circuits DIR",
            hint="qhpcsim predict --help",
        )
    if args.circuit is not None and args.out is not None:
        raise ConfigError("--circuit prints its answer", where="--out", hint="--circuits DIR --out OUT.csv")
    if args.circuits is not None and args.out is None:
        raise ConfigError("--circuits needs a file to write", where="--out", hint="--out OUT.csv")
    if args.set:
        raise ConfigError("is for predict qpu", where="--set", hint="copy the card and change it there")
    for name in ("shots", "devices"):
        number = getattr(args, name)
        if number is not None and number < 1:
            raise ConfigError(f"{number}", where=f"--{name}", allowed="1 or more")


def _one(args: argparse.Namespace, observable: Observable | None) -> int:
    from qhpcsim.circuits.cost import DEFAULT_SHOTS
    from qhpcsim.models.predict_statevector import StateVectorPredictor

    predictor = StateVectorPredictor(args.card, args.devices or 1, args.cluster or "")
    found = predictor.answer(args.circuit, args.shots or DEFAULT_SHOTS, observable, args.measure_all)
    asked = f"{found.cost.shots:,} shots" if observable is None else f"expectation value of {args.observable}"
    say(f"{args.circuit} on {predictor.model.name}: {asked}")
    say(table(_lines(found), right=False))
    for note in found.notes:
        say(note)
    say("\nnext: qhpcsim list devices")
    return 0


def _lines(found: Answer) -> list[tuple[str, str]]:
    """Return what is known of one run, a label and a figure a line."""
    cost, answer = found.cost, found.prediction
    low, high = duration(answer.p5_s), duration(answer.p95_s)
    how = "the state is simulated once" if cost.sampleable else f"every shot is simulated ({cost.n_simulations:,})"
    lines = [
        ("predicted time", f"{duration(answer.median_s)}  (90 % between {low} and {high})"),
        ("predicted_s", f"{answer.median_s:.6g}"),
        ("p5_s", f"{answer.p5_s:.6g}"),
        ("p95_s", f"{answer.p95_s:.6g}"),
        ("memory", f"{size(answer.memory_bytes)}  ({cost.n_active} of {cost.n_qubits} qubits are active)"),
        ("dominates", found.dominant),
        ("simulations", how),
    ]
    parts = sorted(answer.parts.items(), key=lambda part: -part[1])
    return lines + [(f"  {name}", duration(value)) for name, value in parts if value > 0.0]


def _many(args: argparse.Namespace, observable: Observable | None) -> int:
    """Predict a folder; one line for every file that is refused, and exit code 2 if there was one."""
    from qhpcsim.circuits.cost import DEFAULT_SHOTS
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.models.predict_statevector import StateVectorPredictor, circuit_files, refused, write_table

    target = Path(args.out)
    if target.is_dir():
        raise QhpcsimError("is a folder", where=str(target), allowed="the name of a file to write")
    predictor = StateVectorPredictor(args.card, args.devices or 1, args.cluster or "")
    files, rows, n_refused, notes = circuit_files(Path(args.circuits)), [], 0, []
    with progress_bar("circuits") as progress:
        for path in files:
            try:
                found = predictor.answer(str(path), args.shots or DEFAULT_SHOTS, observable, args.measure_all)
                rows.append(found.row(path.name))
                notes += [f"{path.name}: {note}" for note in found.notes]
            except QhpcsimError as error:
                complain(f"{error.where or path}: {error.message}")
                rows.append(refused(path.name))
                n_refused += 1
            if progress is not None:
                progress(len(rows) / len(files))
    write_table(target, rows)
    for note in notes:
        say(note)
    say(f"wrote {target}: {len(files) - n_refused} predicted, {n_refused} refused (empty cells)")
    return QhpcsimError.exit_code if n_refused else 0


def size(value: float) -> str:
    """Return a number of bytes in the unit that a person would choose."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024.0:
            return f"{value:.4g} {unit}"
        value /= 1024.0
    return f"{value:,.4g} TiB"
