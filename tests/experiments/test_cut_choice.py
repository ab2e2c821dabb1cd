"""The study of cut choice: its cases, its stop-watch and repeats, its reading of rows, and how it judges."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable

FOLDER = Path(__file__).resolve().parents[2] / "experiments" / "05_cut_choice"
OWN = (
    "store",
    "plans",
    "models",
    "report",
    "ties",
    "circuits",
    "candidates",
    "rows",
    "judge",
    "load",
    "measure",
    "strategies",
    "figure",
    "agreement",
)


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The study's modules."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import candidates
    import circuits
    import judge
    import measure
    import rows
    import store

    yield SimpleNamespace(
        circuits=circuits, candidates=candidates, judge=judge, measure=measure, rows=rows, store=store
    )
    for name in OWN:
        sys.modules.pop(name, None)


def option(study: SimpleNamespace, number: int, times_s: list[float], n_cuts: int = 0, circuits: str = "") -> Any:
    """Return an option with given times."""
    about = {"n_gate_cuts": str(n_cuts), "n_wire_cuts": "0", "name": "cut" if n_cuts else "no cut", "exact": ""}
    about["n_runs"] = "4"
    runs = [phases(study, 0.0, each) | {"wall_s": str(each), "circuits": circuits} for each in times_s]
    return study.rows.Option(number, about, runs)


def phases(study: SimpleNamespace, others_s: float, execute_s: float) -> dict[str, str]:
    """Return the columns of phases of which all but one take the same time."""
    return {f"{name}_wall_s": str(execute_s if name == "execute" else others_s) for name in study.measure.PHASES}


def case(study: SimpleNamespace, *options: Any, number: int = 0) -> Any:
    return study.rows.MeasuredCase(number, "ghz", list(options), 0.0)


def test_the_cases_are_those_of_the_protocol(study: SimpleNamespace) -> None:
    found = study.circuits.cases()
    assert len(found) >= 300
    assert len({each.family for each in found}) >= 14
    assert {each.target for each in found} == {0.01, 0.02, 0.05}
    assert min(each.n_qubits for each in found) == 12 and max(each.n_qubits for each in found) == 26
    assert 0.6 <= np.mean([18 <= each.n_qubits <= 24 for each in found]) <= 0.8
    assert sorted(study.circuits.in_order()) == sorted(found)
    assert len({each.number for each in found}) == len(found)
    assert len({(each.circuit, each.kind, each.target) for each in found}) == len(found)
    fresh = [each for each in found if study.circuits.FRESH <= each.number < study.circuits.TIED]
    assert {each.family for each in fresh} == set(study.circuits.VARIANTS)
    halves = study.circuits.HALF
    assert sorted(halves["A"] + halves["B"]) == sorted(study.circuits.VARIANTS)
    sizes = [sum(each.family in half for each in found) for half in halves.values()]
    assert min(sizes) / sum(sizes) > 0.4


def test_every_case_can_be_built(study: SimpleNamespace) -> None:
    for each in study.circuits.cases():
        circuit = named_circuit(each.circuit)
        assert circuit.num_qubits == each.n_qubits
        Observable.parse(each.observable).check_fits(each.n_qubits)


def test_observables(study: SimpleNamespace) -> None:
    wanted = study.circuits.observable
    assert wanted("z_middle", 4) == "IZII"
    assert wanted("zz_middle", 4) == "IZZI"
    terms = dict(Observable.parse(wanted("ising", 3)).terms)
    assert terms == pytest.approx({"IZZ": 0.5, "ZZI": 0.5, "IIX": 1 / 6, "IXI": 1 / 6, "XII": 1 / 6})
    assert sum(value for _, value in Observable.parse(wanted("mean_z", 20)).terms) == pytest.approx(1)


def test_kept_candidates_differ_in_kind_first(study: SimpleNamespace) -> None:
    kinds = [(1, 0), (2, 1), (2, 1), (2, 1), (2, 2), (3, 2), (3, 3), (4, 4)]
    plan = [SimpleNamespace(n_parts=parts, n_cuts=cuts, place=i) for i, (parts, cuts) in enumerate(kinds)]
    assert [each.place for each in study.candidates.kept(plan)] == [0, 1, 4, 5, 6, 7]
    assert [each.place for each in study.candidates.kept(plan[:5])] == [0, 1, 2, 3, 4]
    assert study.candidates.kept(plan[:1]) == plan[:1]


def test_a_run_is_stopped_by_processor_time(study: SimpleNamespace) -> None:
    with study.measure.at_most(0.05):
        time.sleep(0.2)
    with pytest.raises(study.measure.OverTime), study.measure.at_most(0.05):
        while True:
            sum(range(1000))


def test_rows_of_a_case_are_kept_whole_and_replaced_whole(study: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    store = study.store.Store(path)
    assert store.done(9.0) == set()
    store.put(3, [{"option": 0, "case": 3, "status": "ok", "cpu_s": 1.5, "others": 0.0, "exact": None}])
    loaded = {"option": 0, "case": 4, "status": "ok", "others": 1.0}
    store.put(4, [loaded | {"cpu_s": cpu_s} for cpu_s in (2.5, 1 / 3)] + [loaded | {"option": 1, "status": "over"}])
    again = study.store.Store(path)
    assert again.done(np.inf) == {3, 4} and again.done(0.5) == {3}
    assert again.times_s(4) == {0: 0.333333} and again.times_s(5) == {}
    again.put(4, [{"option": 0, "case": 4, "status": "ok", "cpu_s": 2.0, "others": 0.1}])
    found = study.store.Store(path)
    assert found.done(0.5) == {3, 4} and found.times_s(4) == {0: 2.0} and found.times_s(3) == {0: 1.5}
    assert found.cases[3][0]["exact"] == "" and list(tmp_path.iterdir()) == [path]
    assert (found.next_round(4), found.next_round(5)) == (2, 1)
    found.add(4, [{"option": 0, "case": 4, "status": "ok", "cpu_s": 1.0, "others": 0.1, "round": 2}])
    more = study.store.Store(path)
    assert [row["cpu_s"] for row in more.cases[4]] == ["2", "1"] and more.next_round(4) == 3


def run_of(study: SimpleNamespace, option: int, phases_s: list[float], slowness: float = 1.0) -> dict[str, Any]:
    """Return the row of a run whose phases took these times, processor time half of it."""
    phases = {f"{name}_wall_s": each for name, each in zip(study.measure.PHASES, phases_s, strict=True)}
    phases |= {f"{name}_cpu_s": each / 2 for name, each in zip(study.measure.PHASES, phases_s, strict=True)}
    whole = {"case": 7, "option": option, "unix_s": 0, "workers": 1, "status": "ok", "others": 0.1 * slowness}
    whole |= {"wall_s": sum(phases_s), "cpu_s": sum(phases_s) / 2, "slowness": slowness}
    return whole | phases | {"circuits": f"longest {phases_s[4]:g}"}


def fake(study: SimpleNamespace, slowness: Callable[[int], float]) -> Any:
    """Five candidates of 1.0, 1.05, 1.4, 3 and 70 s on a machine whose slowness goes by the number of runs so far."""
    speeds = [1.0, 1.05, 1.4, 3.0, 70.0]

    class Fake(study.measure.Measured):  # type: ignore[misc]
        def __init__(self) -> None:
            self.options, self.times, self.done = speeds, {}, []

        def run(self, option: int, repeat: int, most_inner: int = 1) -> dict[str, Any]:
            assert most_inner == 1, "runs are no means"
            self.done.append(option)
            slower = slowness(len(self.done))
            self.times.setdefault(option, []).append(speeds[option] * slower)
            return run_of(study, option, [speeds[option] * slower / 6] * 6, slower) | {"repeat": repeat}

    return Fake()


def test_near_candidates_take_turns(study: SimpleNamespace) -> None:
    """Twenty runs for the first two, which are tied, ten for the third, two and one for those that are far."""
    machine = fake(study, lambda n_runs: 1.0)
    rows = list(study.measure.rounds(machine))
    assert [machine.done.count(i) for i in range(5)] == [20, 20, 10, 2, 1]
    assert machine.done[:15] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2, 0, 1, 2]
    assert [row["option"] for row in rows] == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 3 + [4]
    assert [row["status"] for row in rows[-4:]] == ["ok", "ok", "least", "ok"]


def test_near_candidates_are_run_until_the_machine_was_calm(
    study: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the hundred runs first all are disturbed; each near candidate gets three calm ones, each tied one six."""
    machine = fake(study, lambda n_runs: 1.5 if n_runs <= 100 else 1.0)
    list(study.measure.rounds(machine))
    calm = machine.done[100:]
    assert [calm.count(i) for i in range(5)] == [6, 6, 3, 0, 0]
    monkeypatch.setattr(study.measure, "TURNS_S", 0.05)
    never = fake(study, lambda n_runs: 1.5)
    assert len(list(study.measure.rounds(never))) == 4 + 4 + 4 + 3 + 1


def test_each_phase_counts_as_short_as_in_any_run(study: SimpleNamespace) -> None:
    """A slow moment hit generate in the first run, execute in the second; the third was slow but in its last phase."""
    phases_s = [[1.0, 1.0, 5.0, 1.0, 4.0, 2.0], [1.0, 1.0, 1.0, 1.0, 9.0, 2.0], [2.0, 2.0, 2.0, 2.0, 8.0, 1.0]]
    runs = [run_of(study, 0, each, slowness=1.0 + place) for place, each in enumerate(phases_s)]
    *whole, least = study.measure.shortest([*runs, {"option": 0, "status": "over"}])
    assert whole == [row | {"circuits": None} for row in runs]
    assert [least[f"{name}_wall_s"] for name in study.measure.PHASES] == [1.0, 1.0, 1.0, 1.0, 4.0, 1.0]
    assert (least["wall_s"], least["cpu_s"], least["repeat"]) == (9.0, 4.5, 3)
    assert (least["circuits"], least["slowness"], least["others"]) == ("longest 4", 1.0, 0.1)
    found = option(study, 0, [7.0, 7.5])
    found.least = [{key: str(value) for key, value in least.items()}]
    assert found.time_s() == 4.0, "five phases of the runs took no time, and the least execute is 4 s"
    assert found.spread == pytest.approx(7.5 / 7.0 - 1.0)


def test_pace_is_one_where_nothing_disturbs(study: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    import load

    times_s = iter([1.0] * 600 + [1.5] * 3 + [1.3, 1.1, 1.2] + [0.5] * 3 + [1.0] * 3)
    monkeypatch.setattr(load, "_loop_s", lambda: next(times_s))
    monkeypatch.setattr(load.time, "sleep", lambda s: None)
    pace = load.Pace()
    assert pace.wait(60.0) == pytest.approx(1.1)
    assert pace.slowness() == 1.0 and pace.slowness() == 2.0


@pytest.mark.slow
def test_a_case_is_measured_and_read_again(study: SimpleNamespace, tmp_path: Path) -> None:
    """Case 130 is a GHZ state on 12 qubits: ⟨Z…Z⟩ = 1, and cutting it is slower."""
    path = tmp_path / "rows.csv"
    assert study.measure.main(["--rows", str(path), "--cases", "130", "--minutes", "2"]) == 0
    (found,) = study.rows.read(path, tmp_path / "none.csv")
    assert found.family == "ghz" and len(found.options) >= 3
    assert all(each.finished for each in found.options)
    assert found.best_s() == found.options[0].time_s()
    exact = float(found.options[0].about["exact"])
    assert exact == pytest.approx(1.0, abs=1e-9) or exact == pytest.approx(0.0, abs=1e-9)
    assert max(map(abs, study.rows.z_scores([found]))) < 5
    for each in found.options:
        assert each.time_s() == pytest.approx(sum(each.phases_s.values()))
        assert each.time_s() <= min(each.times_s) * 1.001
        row = each.least[0] if each.least else each.runs[0]
        circuits = study.rows.circuits_s(row["circuits"])
        assert len(circuits) == int(each.about["n_runs"])
        assert sum(circuits) <= float(row["execute_cpu_s"]) * 1.3 + 0.02
        assert each.time_s(64) <= each.time_s(2) <= each.time_s(1) + 1e-9


def test_rounds_of_measurements_judge_by_themselves(study: SimpleNamespace) -> None:
    """The first round takes option 0 for the fastest, the second option 1; together option 1 is; case 8 has one."""
    import agreement

    def measured(number: int, *rounds_s: tuple[float, float]) -> Any:
        made = case(study, option(study, 0, []), option(study, 1, []), number=number)
        for place, times_s in enumerate(rounds_s):
            for each, time_s in zip(made.options, times_s, strict=True):
                row = phases(study, 0.0, time_s) | {"wall_s": str(time_s), "round": str(place + 1), "circuits": ""}
                each.runs.append(row)
        return made

    cases = [measured(7, (1.0, 1.2), (1.0, 0.5)), measured(8, (1.0, 2.0))]
    assert cases[0].times_s() == [1.0, 0.5]
    found = agreement.agreement(cases, lambda case, workers: 1)
    assert [(line["round"], line["strategy"], line["cases"], line["top1_pct"]) for line in found] == [
        ("1", "the fastest in round 2", 1, 0.0),
        ("1", "modelled, card", 1, 0.0),
        ("2", "the fastest in round 1", 1, 0.0),
        ("2", "modelled, card", 1, 100.0),
    ]
    assert [line["worst_pct"] for line in found] == pytest.approx([20.0, 20.0, 100.0, 0.0])


def test_schedules(study: SimpleNamespace) -> None:
    text = "0/4+0*3=90:50 1/5+1*1=10:10"
    assert study.rows.circuits_s(text) == pytest.approx([0.05, 0.02, 0.02, 0.01])
    assert study.rows.makespan_s([0.05, 0.02, 0.02, 0.01], 2) == pytest.approx(0.05)
    assert study.rows.makespan_s([3.0, 3.0, 2.0, 2.0, 2.0], 2) == pytest.approx(7.0)
    found = option(study, 0, [0.15, 0.13], circuits=text)
    assert found.time_s(1) == 0.13
    assert found.time_s(2) == pytest.approx(0.13 - 0.10 + 0.05)
    assert found.time_s(4) == pytest.approx(0.08)
    found.work = [2.0**30, 1.0, 1.0, 1.0]
    assert found.time_s(4) == pytest.approx(0.03 + 0.05), "three short circuits are one task"
    shorter = option(study, 0, [0.15, 0.13], circuits=text)
    shorter.runs.append(phases(study, 0.01, 0.12) | {"wall_s": "0.17", "circuits": ""})
    assert shorter.time_s(1) == pytest.approx(0.12)
    assert shorter.time_s(2) == pytest.approx(0.13 - 0.10 + 0.05), "of that run no circuit is known"


def test_what_circuits_usually_wait_is_that_of_a_quiet_machine(study: SimpleNamespace) -> None:
    """On a quiet machine circuits wait 1, 2 and 3 ms; a run beside other work does not count."""
    quiet = [
        {"case": "1", "option": "0", "n_runs": "4", "status": "ok", "others": "0.01", "execute_cpu_s": "0.1",
         "execute_wall_s": str(0.1 + 4 * wait)}
        for wait in (0.001, 0.002, 0.003)
    ]  # fmt: skip
    loaded = quiet[0] | {"others": "1.5", "execute_wall_s": "0.9"}
    assert study.rows.usual_wait_s([*quiet, loaded]) == pytest.approx(0.001)
    assert study.rows.usual_wait_s([loaded]) == 0.0


def test_ties_follow_the_spread_of_repeats(study: SimpleNamespace) -> None:
    close = case(study, option(study, 0, [1.0, 1.001]), option(study, 1, [1.03, 1.04]), option(study, 2, [1.045, 1.5]))
    judged = {k: study.judge.choices([close], lambda case, workers, k=k: k)[0] for k in range(3)}
    assert (judged[0].hit, judged[0].strict, judged[0].regret) == (True, True, 0.0)
    assert not judged[1].hit and judged[1].regret == pytest.approx(0.03)
    assert judged[2].hit and not judged[2].strict


def test_a_stopped_candidate_bounds_what_can_be_said(study: SimpleNamespace) -> None:
    stopped = option(study, 1, [], n_cuts=4)
    stopped.limit_s = 10.0
    found = case(study, option(study, 0, [0.5], circuits="0/4+0*1=480:480"), stopped)
    assert found.decided(1) and found.decided(16)
    assert not found.decided(32)
    assert found.regret(1) == pytest.approx(19.0)
    assert study.judge.undecided([found, case(study, option(study, 0, [1.0]))], 32) == {"one_option": 1, "stopped": 1}


def test_figures_of_merit_by_hand(study: SimpleNamespace) -> None:
    cases = [
        case(study, option(study, 0, [1.0]), option(study, 1, [2.0], n_cuts=1), number=0),
        case(study, option(study, 0, [4.0]), option(study, 1, [2.0], n_cuts=1), number=1),
    ]
    never = study.judge.top_1(study.judge.choices(cases, lambda case, workers: 0))
    assert never["top1_pct"] == 50 and never["regret_pct"] == pytest.approx(50) and never["worst_pct"] == 100
    oracle = study.judge.top_1(study.judge.choices(cases, lambda case, workers: int(np.argmin(case.times_s()))))
    assert oracle["top1_pct"] == oracle["strict_pct"] == 100 and oracle["worst_pct"] == 0
    predicted = {(c, o): study.judge.Predicted(2.0, 1.5, 3.0) for c in (0, 1) for o in (0, 1)}
    times = study.judge.times(cases, predicted)
    assert times["mape_pct"] == pytest.approx(100 * (1.0 + 0.0 + 0.5 + 0.0) / 4)
    assert times["covered_pct"] == 50
    accuracy = study.judge.speed_up_accuracy(cases, lambda case, option, workers: 1.0)
    assert accuracy == {"pairs": 2, "mean_pct": 50.0, "median_pct": 50.0}
    hard = study.judge.hardness(cases)
    assert hard["uncut_best"] == 50 and hard["second_within_25_pct"] == 0


def test_intervals(study: SimpleNamespace) -> None:
    """Clopper–Pearson: 56 of 56 leaves 93.6 %; symmetric; 0 of n starts at 0."""
    assert study.judge.proportion(56, 56)[0] == pytest.approx(0.936, abs=5e-4)
    assert study.judge.proportion(0, 20) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    low, high = study.judge.proportion(8, 10)
    assert (low, high) == (pytest.approx(0.4439, abs=1e-4), pytest.approx(0.9748, abs=1e-4))
    low, high = study.judge.mean_interval([0.0] * 99 + [1.0])
    assert low == 0.0 and 0.02 <= high <= 0.05


def test_near_ties_are_the_nearest_of_each_variant(study: SimpleNamespace) -> None:
    import ties

    known = {each.number: each for each in study.circuits.cases()}
    numbers = [n for n, each in known.items() if study.circuits.variant_of(each) == "brickwork:depth=4"][:3]
    ratios = {numbers[0]: 5.0, numbers[1]: 1.3, numbers[2]: 0.7}
    measured = [
        case(study, option(study, 0, [1.0]), option(study, 1, [ratio], n_cuts=1), number=n)
        for n, ratio in ratios.items()
    ]
    ((chosen, ratio),) = ties.likest(measured)
    assert chosen == known[numbers[1]] and ratio == pytest.approx(np.log(1.3))
    found = ties.more(chosen, ratio, 1000)
    n = chosen.n_qubits
    assert [row[3] for row in found] == [f"brickwork:{n}:depth=4,seed=1000", f"brickwork:{n + 1}:depth=4,seed=1001"]
    ghz = next(each for each in known.values() if each.family == "ghz" and each.n_qubits == 20)
    assert [row[3] for row in ties.more(ghz, -0.1, 1002)] == ["ghz:19"]


def test_the_readme_has_the_study_s_table(study: SimpleNamespace) -> None:
    import report

    table = pd.read_csv(FOLDER / "results.csv")
    readme = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    lines = report.markdown(table).splitlines()
    assert len(lines) == len(table) + 2
    names = [[cell.strip() for cell in line.split("|")[1:4]] for line in readme if line.startswith("|")]
    for line in lines:
        assert [cell.strip() for cell in line.split("|")[1:4]] in names


def test_what_was_promised_is_held() -> None:
    """On families that the card has not seen, on one worker; and on near-ties measured after the last change."""
    table = pd.read_csv(FOLDER / "results.csv")
    one = table[table["basis"] == "1 worker"].set_index("strategy")
    ours = one.loc["modelled, card"]
    assert one["cases"].min() >= 240 and ours["low_pct"] >= 94
    assert ours["top1_pct"] >= 97 and ours["regret_pct"] <= 1 and ours["worst_pct"] <= 25
    for basis in ("1 worker", "1 worker, near-ties"):
        found = table[table["basis"] == basis].set_index("strategy")
        baselines = [name for name in found.index if name != "oracle" and not name.startswith("modelled")]
        assert len(baselines) == 6
        for model in ("modelled, card", "modelled, crossed"):
            assert (found.loc[baselines, "top1_pct"] < found.loc[model, "top1_pct"]).all()
            assert (found.loc[baselines, "regret_pct"] > found.loc[model, "regret_pct"]).all()
