"""QPUs in scenarios: groups, choices inside a group, durations, and mistakes under the key at which they are."""

import dataclasses

import pytest
import yaml

from qhpcsim.config import load
from qhpcsim.config.names import group_files, options, scenario_files
from qhpcsim.core.errors import CardError, ConfigError, QhpcsimError, UnknownNameError
from qhpcsim.qpu_scenario import (
    NO_QPUS,
    CalibrationWindow,
    FairShareDiscipline,
    PriorityDiscipline,
    QpuService,
    QpuWorkload,
    Reservation,
    WeightedChoice,
)

ONE = ["workload=none", "qpu=single"]
D = "qpu.qpus.qpu"


def qpu(*overrides):
    return load("replay", [*ONE, *overrides]).qpu


def test_scenarios_without_qpus_have_none():
    scenario = load("small_centre")
    assert scenario.qpu == NO_QPUS
    assert scenario.qpu_workload == QpuWorkload()


def test_single_is_one_abstract_qpu():
    assert qpu() == QpuService()


@pytest.mark.parametrize("name", ["none", "single", *group_files("qpu")])
def test_every_service_loads(name):
    more = ["facility=small_centre_qpu"] if name == "on_premises" else []
    scenario = load(
        "replay",
        ["qpu=single", "workload=none", *more, f"qpu={name}"] if name != "none" else ["seed=1", "workload.path=x"],
    )
    assert bool(scenario.qpu.qpus) == (name != "none")


def test_every_service_and_facility_is_an_option():
    assert {"none", "single", *group_files("qpu")} == set(options("qpu"))
    assert "qpu_service" in scenario_files()


@pytest.mark.parametrize("name", ["none", "stream", "table"])
def test_qpu_workloads_are_options(name):
    more = ["qpu_workload.path=x.csv"] if name == "table" else []
    assert load("replay", [*ONE, f"qpu_workload={name}", *more]).qpu_workload.source == name


def test_a_discipline_is_chosen_by_name_and_typed():
    assert qpu("qpu.discipline=priority").discipline == PriorityDiscipline()
    fair = FairShareDiscipline(window_s=7 * 86400, shares={"a": 2.0})
    assert (
        qpu("qpu.discipline=fair_share", "qpu.discipline.window_s=7d", "qpu.discipline.shares.a=2").discipline == fair
    )
    assert (
        qpu("qpu.discipline.window_s=7d", "qpu.discipline=fair_share", "qpu.discipline.shares={a: 2}").discipline
        == fair
    )
    assert qpu("qpu.discipline={name: fair_share, window_s: 7d, shares: {a: 2}}").discipline == fair


def test_entries_without_parameters_keep_their_name():
    assert qpu("qpu.choice=best_fidelity").choice.name == "best_fidelity"
    assert qpu("qpu.discipline=shortest").discipline.name == "shortest"


def test_a_choice_inside_a_group_starts_from_its_own_defaults():
    base = ["qpu=ibm_cloud", "workload=none"]
    assert load("replay", base).qpu.discipline == FairShareDiscipline()
    assert load("replay", [*base, "qpu.discipline=priority"]).qpu.discipline == PriorityDiscipline()
    assert load("replay", [*base, "qpu.discipline.window_s=1d"]).qpu.discipline.window_s == 86400


def test_choices_in_files(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(
        "workload: none\nqpu:\n  base: ibm_cloud\n"
        "  discipline: {name: priority, preemptive: true}\n  choice: weighted\n"
    )
    service = load(path).qpu
    assert service.discipline == PriorityDiscipline(preemptive=True)
    assert service.choice == WeightedChoice()
    assert list(service.qpus) == ["ibm_sherbrooke"]
    assert load(path, ["qpu.discipline=fifo"]).qpu.discipline.name == "fifo"
    path.write_text("workload: none\nqpu:\n  base: ibm_cloud\n  discipline: {window_s: 1h}\n")
    assert load(path).qpu.discipline == FairShareDiscipline(window_s=3600)


def test_durations_wherever_a_time_is_meant():
    device = qpu(
        f"{D}.windows=[{{period_s: 1d, offset_s: 30min, duration_s: 1h30m, mode: resume}}]",
        f"{D}.outages.fixed_s=[[1h,2h],[10800,4h]]",
        f"{D}.reservations=[{{user: ann, start_s: 5h, end_s: 6h}}]",
        f"{D}.warm_up.mean_s=2min",
        f"{D}.open_hours.duration_s=8h",
        f"{D}.service.values_s=[30us,1ms]",
        f"{D}.service.law=empirical",
    ).qpus["qpu"]
    assert device.windows == (CalibrationWindow(86400, 1800, 5400, "resume"),)
    assert device.outages.fixed_s == ((3600, 7200), (10800, 14400))
    assert device.reservations == (Reservation("ann", 18000, 21600),)
    assert device.warm_up.mean_s == 120
    assert device.open_hours.duration_s == 28800
    assert device.service.values_s == pytest.approx((30e-6, 1e-3))


def test_settings_of_a_card_are_texts(tmp_path):
    device = qpu(f"{D}.card=quantinuum_h2", f"{D}.settings.time_layer=50ms", f"{D}.settings.max_shots=100").qpus["qpu"]
    assert device.settings == {"time_layer": "50ms", "max_shots": "100"}
    path = tmp_path / "my.yaml"
    path.write_text(
        "workload: none\nqpu: {qpus: {h2: {card: quantinuum_h2, settings: {time_layer: 50ms, error_2q: 1.0e-3}}}}\n"
    )
    assert load(path).qpu.qpus["h2"].settings == {"time_layer": "50ms", "error_2q": "0.001"}


def test_qpus_from_the_command_line():
    service = load("replay", ["workload=none", "qpu.qpus.a.card=iqm_garnet", "qpu.qpus.b={card: aqt_ibex}"]).qpu
    assert {name: device.card for name, device in service.qpus.items()} == {"a": "iqm_garnet", "b": "aqt_ibex"}


@pytest.mark.parametrize(
    "overrides",
    [
        ["qpu=ibm_cloud", "qpu_workload=stream", "qpu.discipline.window_s=1d", "qpu_workload.think=null"],
        ["qpu=on_premises", "facility=small_centre_qpu", "qpu_workload=stream", "qpu.qpus.garnet.settings.t1=20us"],
        ["qpu=single", "qpu.qpus.qpu.outages.fixed_s=[[1,2]]", "qpu.discipline=priority", "qpu.choice=weighted"],
    ],
)
def test_a_resolved_scenario_loads_as_itself(tmp_path, overrides):
    scenario = load("replay", ["workload=none", *overrides])
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(dataclasses.asdict(dataclasses.replace(scenario, name="again")), sort_keys=False))
    assert load(path) == dataclasses.replace(scenario, name="again")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["qpu=sngle"], ["qpu: unknown qpu 'sngle'", "did you mean: single", "qhpcsim list qpu_services"]),
        (["qpu_workload=streem"], ["qpu_workload: unknown", "did you mean: stream", "qhpcsim list qpu_workloads"]),
        (["qpu_workload=table"], ["qpu_workload.path: is empty", "qpu_workload.path=FILE"]),
        (["qpu_workload.source=stream"], ["chosen with its group", "qpu_workload=stream"]),
        (["qpu.discipline=fair_shar"], ["qpu.discipline: unknown", "did you mean: fair_share", "list disciplines"]),
        (["qpu.choice=wieghted"], ["qpu.choice: unknown", "did you mean: weighted", "qhpcsim list choices"]),
        (["qpu.choice="], ["qpu.choice: unknown choice ''"]),
        (["qpu.discipline.name=fifo"], ["is chosen with qpu.discipline", "qpu.discipline=fifo"]),
        (["qpu.discipline.window_s=1d"], ["unknown key 'window_s'", "qpu.discipline=fair_share has it"]),
        (["qpu.discipline=fair_share", "qpu.discipline.window_s=soon"], ["qpu.discipline.window_s", "not a duration"]),
        (["qpu.discipline.shares.a.b=1", "qpu.discipline=fair_share"], ["shares"]),
        (["qpu.access=slurm"], ["qpu.access: got 'slurm'", "queue, gres"]),
        (["qpu.partition=qpu"], ["qpu.partition", "add qpu.access=gres"]),
        (["qpu.access=gres"], ["qpu.partition", "does not say which"]),
        (["qpu.latency_s=-1"], ["qpu.latency_s", "not a duration"]),
        (["qpu.max_attempts=0"], ["qpu.max_attempts", "≥ 1"]),
        (["qpu.queue_limit=few"], ["qpu.queue_limit", "'few'"]),
        (["qpu.qpus.b.card=abstract"], ["there is no qpu 'b'", "allowed: qpu"]),
        ([f"{D}.crad=x"], [f"{D}.crad", "did you mean: card"]),
        ([f"{D}.card=ibm_2024"], [f"{D}.card: no QPU card 'ibm_2024'", "did you mean: ibm_2023", "qhpcsim list qpus"]),
        ([f"{D}.card=gone.yaml"], [f"{D}.card: ", "gone.yaml"]),
        ([f"{D}.card=quantinuum_h2"], [f"{D}.card: ", "time_layer", "not known"]),
        ([f"{D}.settings.t3=1us"], [f"{D}.settings.t3: ", "unknown entry 't3'"]),
        ([f"{D}.card=iqm_garnet", f"{D}.settings.t1=long"], [f"{D}.settings.t1: ", "not a duration"]),
        ([f"{D}.card=iqm_garnet", f"{D}.settings.error_2q=1.5"], [f"{D}.settings.error_2q: 1.5 is impossible"]),
        ([f"{D}.card=iqm_garnet", f"{D}.service.mean_s=3"], [f"{D}.service: the times of 'iqm_garnet' come from"]),
        ([f"{D}.service.law=normal"], [f"{D}.service.law: unknown service law"]),
        ([f"{D}.service.cv=2"], [f"{D}.service.cv: ", "cannot have cv 2"]),
        ([f"{D}.drift=true"], [f"{D}.card: ", "error_2q"]),
        ([f"{D}.drift=maybe"], [f"{D}.drift", "true or false"]),
        ([f"{D}.background=ibm_prth"], [f"{D}.background: ", "did you mean: ibm_perth"]),
        ([f"{D}.windows=[{{period_s: 1h, duration_s: 2h}}]"], [f"{D}.windows.0.period_s", "3600"]),
        ([f"{D}.windows=[{{mode: drein}}]"], [f"{D}.windows.0.mode", "did you mean: drain"]),
        ([f"{D}.windows=daily"], [f"{D}.windows", "a list"]),
        ([f"{D}.windows=[1]"], [f"{D}.windows.0", "a mapping"]),
        ([f"{D}.outages.fixed_s=[[1h,1h]]"], [f"{D}.outages.fixed_s", "is empty or overlaps"]),
        ([f"{D}.outages.fixed_s=[[1h]]"], [f"{D}.outages.fixed_s.0", "2 values"]),
        ([f"{D}.outages.fixed_s=[[1h,later]]"], [f"{D}.outages.fixed_s.0.1", "'later' is not a duration"]),
        ([f"{D}.outages.repair.law=pareto"], [f"{D}.outages.repair.law", "service law 'pareto'"]),
        (
            [f"{D}.reservations=[{{user: a, start_s: 0, end_s: 2h}}, {{user: b, start_s: 1h, end_s: 3h}}]"],
            [f"{D}.reservations", "overlaps another"],
        ),
        ([f"{D}.open_hours.duration_s=2d"], [f"{D}.open_hours.period_s"]),
        ([f"{D}.prices.per_second=free"], [f"{D}.prices.per_second", "'free'"]),
    ],
)
def test_mistakes_name_their_key(overrides, words):
    with pytest.raises(QhpcsimError) as caught:
        load("replay", [*ONE, *overrides])
    for word in words:
        assert word in str(caught.value)


def test_kinds_of_mistakes():
    with pytest.raises(CardError):
        qpu(f"{D}.card=ibm_2024")
    with pytest.raises(UnknownNameError):
        qpu("qpu.discipline=lifo")
    with pytest.raises(ConfigError):
        qpu(f"{D}.windows=[{{mode: drein}}]")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["workload=none"], ["neither batch jobs nor QPUs", "qpu=single"]),
        (["workload.path=x", "qpu_workload=stream"], ["no QPUs for the jobs of 'stream'", "list qpu_services"]),
        (["workload=none", "qpu=on_premises"], ["qpu.partition: no partition 'qpu'"]),
        (
            ["workload=none", "qpu=on_premises", "facility=small_centre_qpu", "facility.partitions.qpu.nodes=2"],
            ["facility.partitions.qpu.nodes: 2 nodes for 1 QPUs"],
        ),
        (
            ["workload=none", "qpu=on_premises", "facility=small_centre_qpu", "qpu.discipline=fair_share"],
            ["qpu.discipline: needs QPUs with a queue of their own", "qpu.access=queue"],
        ),
        (
            ["workload=none", "qpu=on_premises", "facility=small_centre_qpu", "qpu.qpus.garnet.background=ibm_perth"],
            ["qpu.qpus.garnet.background: needs QPUs with a queue"],
        ),
    ],
)
def test_what_does_not_fit_together(overrides, words):
    with pytest.raises(QhpcsimError) as caught:
        load("replay", overrides)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("qpu: {qpus: {q: {card: ibm_2024}}}\n", ["my.yaml:2: qpu.qpus.q.card: no QPU card"]),
        (
            "qpu:\n  base: single\n  qpus:\n    qpu:\n      windows:\n        - {mode: drein}\n",
            ["my.yaml:7: qpu.qpus.qpu.windows.0.mode"],
        ),
        ("qpu:\n  base: single\n  discipline: lifo\n", ["my.yaml:4: qpu.discipline: unknown discipline 'lifo'"]),
        ("qpu: {qpus: {a b: {}}}\n", ["my.yaml:2", "cannot be a name"]),
        ("qpu: {base: singel}\n", ["my.yaml:2: qpu.base", "did you mean: single"]),
        ("qpu: {qpus: {q: {settings: [1]}}}\n", ["qpu.qpus.q.settings", "a mapping of names"]),
        ("qpu: {qpus: {q: {settings: {t1: true}}}}\n", ["qpu.qpus.q.settings.t1", "text"]),
    ],
)
def test_mistakes_in_files_name_the_line(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(f"workload: none\n{text}")
    with pytest.raises(QhpcsimError) as caught:
        load("my.yaml")
    for word in words:
        assert word in str(caught.value)
