"""Named scenarios, overrides and users' files, and the message of every mistake in them."""

import dataclasses

import pytest
import yaml

from qhpcsim.config import load
from qhpcsim.config.names import GROUPS, group_files, scenario_files
from qhpcsim.core import yaml_strict
from qhpcsim.core.cards import card
from qhpcsim.core.errors import ConfigError, QhpcsimError, UnknownNameError
from qhpcsim.scenario import Facility, TraceWorkload


def from_text(folder, text, *overrides, name="my.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load(path, overrides)


def test_every_shipped_file_is_strict_yaml_with_a_summary():
    for path in [*scenario_files().values(), *(p for g in GROUPS for p in group_files(g).values())]:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# ")
        document = text.replace("defaults:", "was_defaults:")
        yaml_strict.parse(document.encode(), path.name)


def test_every_shipped_scenario_loads():
    for name in scenario_files():
        scenario = load(name, ["workload.path=x.swf"] if name == "replay" else [])
        assert scenario.name == name
        assert scenario.question


def test_overrides_are_typed():
    scenario = load("replay", ["workload.path=x", "policy=easy", "policy.depth=7", "facility.nodes=1e2", "seed=3"])
    assert scenario.policy.backfill == "easy"
    assert scenario.policy.depth == 7
    assert scenario.facility.nodes == 100
    assert type(scenario.facility.nodes) is int
    assert scenario.seed == 3


def test_a_group_choice_replaces_the_whole_group():
    scenario = load("small_centre", ["workload=trace", "workload.path=x", "facility=single", "policy=fcfs"])
    assert type(scenario.workload) is TraceWorkload
    assert scenario.facility == Facility()
    assert scenario.policy.backfill == "none"


def test_generator_parameters_are_typed():
    scenario = load("replay", ["workload=lublin", "workload.n_jobs=1000", "workload.daily_cycle=false"])
    assert scenario.workload.source == "lublin"
    assert scenario.workload.n_jobs == 1000
    assert scenario.workload.daily_cycle is False


def test_the_last_override_wins():
    assert load("replay", ["workload.path=x", "seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    "path",
    [
        "a b/c.swf",
        "x=y=z.swf",
        "(1),[2],{3}.swf",
        "a,b",
        "it's.swf",
        'q"uote.swf',
        "back\\slash",
        "tilde~/+plus",
        "ünï/文.swf.gz",
        "null",
        "1e6",
        "true",
        "$HOME/x",
        "a:b#c%d;e&f|g*h?i!j@k",
        "  spaced  ",
        "choice(1,2)",
    ],
)
def test_paths_need_no_quoting(path):
    assert load("replay", [f"workload.path={path}"]).workload.path == path


def test_one_pair_of_quotes_is_taken_off():
    assert load("replay", ["workload.path='a b'"]).workload.path == "a b"


def test_durations():
    got = load("replay", ["workload.path=x", "scheduler.interval_s=30us", "scheduler.bf_window_s=1h30m"]).scheduler
    assert got.interval_s == pytest.approx(30e-6)
    assert got.bf_window_s == 5400


def test_partitions_from_the_command_line():
    partitions = load(
        "replay",
        ["workload.path=x", "facility.partitions.cpu.nodes=4", "facility.partitions.gpu={nodes: 2, gpus_per_node: 4}"],
    ).facility.partitions
    assert [(name, p.nodes, p.gpus_per_node) for name, p in partitions.items()] == [("cpu", 4, 0), ("gpu", 2, 4)]


PATH = "workload.path=x"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([], ["workload.path", "is empty", "workload.path=FILE"]),
        (["policy=esay"], ["unknown policy 'esay'", "did you mean: easy", "qhpcsim list policies"]),
        (["policy=easy,fcfs"], ["unknown policy"]),
        (["policy="], ["unknown policy ''"]),
        (["workload=lubin"], ["unknown workload 'lubin'", "did you mean: lublin"]),
        (["facility=smal_centre"], ["did you mean: small_centre"]),
        (["policy.depht=7"], ["policy.depht", "unknown key", "did you mean: depth"]),
        (["sed=7"], ["unknown key 'sed'", "did you mean: seed"]),
        (["polici.depth=7"], ["unknown key 'polici'", "did you mean: policy"]),
        (["+foo=1"], ["cannot be added"]),
        (["++foo=1"], ["cannot be added"]),
        (["~policy"], ["cannot be added or removed"]),
        (["policy"], ["is not key=value"]),
        (["=3"], ["is not a key"]),
        (["a b=3"], ["is not a key"]),
        (["policy@x=easy"], ["is not a key"]),
        (["policy.name=easy"], ["chosen with its group", "policy=easy"]),
        (["workload.source=lublin"], ["chosen with its group"]),
        ([PATH, "policy.depth=1,2"], ["several values"]),
        ([PATH, "policy.depth=range(1,3)"], ["several values"]),
        ([PATH, "policy.depth=abc"], ["policy.depth", "'abc'", "a whole number"]),
        ([PATH, "policy.depth=1.5"], ["1.5", "a whole number"]),
        ([PATH, "policy.depth=true"], ["True", "a whole number"]),
        ([PATH, "policy.depth=null"], ["nothing", "a whole number"]),
        ([PATH, "policy.depth=-1"], ["-1 is out of range", "from 0"]),
        ([PATH, "policy.depth=("], ["is not a value"]),
        ([PATH, "policy.depth={a:1}"], ["a mapping"]),
        ([PATH, "policy.depth.x=1"], ["holds no keys"]),
        ([PATH, "facility.nodes=0"], ["facility.nodes", "from 1"]),
        ([PATH, "facility.nodes=-5"], ["out of range"]),
        ([PATH, "facility.nodes=1e99"], ["out of range"]),
        ([PATH, "facility.nodes=nan"], ["facility.nodes", "nan"]),
        ([PATH, "facility.idle_w=inf"], ["finite"]),
        ([PATH, "facility.idle_w=-1"], ["0 or above"]),
        ([PATH, "facility.idle_w=1e999"], ["finite"]),
        ([PATH, "workload.load_scale=0"], ["above 0"]),
        ([PATH, "workload.max_jobs=0"], ["from 1"]),
        ([PATH, "seed=-1"], ["seed", "from 0"]),
        ([PATH, "seed=1e40"], ["seed", "out of range"]),
        ([PATH, "scheduler.interval_s=2x"], ["scheduler.interval_s", "not a duration", "2h"]),
        ([PATH, "scheduler.interval_s=-2"], ["not a duration"]),
        ([PATH, "scheduler.interval_s=nan"], ["scheduler.interval_s"]),
        ([PATH, "policy.semantics=pys"], ["policy.semantics", "did you mean: pyss"]),
        ([PATH, "policy.estimates=actuals"], ["did you mean: actual"]),
        ([PATH, "policy.candidates=sfj"], ["did you mean: sjf"]),
        ([PATH, "policy.reservations=keep"], ["did you mean: kept"]),
        ([PATH, "policy.order=fcsf"], ["unknown order", "did you mean: fcfs", "qhpcsim list orders"]),
        ([PATH, "policy.backfill=esy"], ["unknown backfill", "did you mean: easy"]),
        ([PATH, "workload.overrun=kil"], ["did you mean: kill"]),
        ([PATH, "workload.format=swff"], ["unknown format", "did you mean: swf"]),
        ([PATH, "engine=kernal"], ["did you mean: kernel"]),
        ([PATH, "baseline=fcsf"], ["baseline", "did you mean: fcfs"]),
        ([PATH, "name=../../etc"], ["cannot be a name"]),
        ([PATH, "name=.."], ["cannot be a name"]),
        ([PATH, "facility.partitions.a/b.nodes=1"], ["is not a key"]),
        ([PATH, "facility.partitions=3"], ["facility.partitions", "a mapping of names"]),
        ([PATH, "facility.partitions.a.sharing=core", "facility.partitions.a.nodes=1"], ["did you mean: cores"]),
        ([PATH, "facility.partitions.a.nods=1"], ["did you mean: nodes"]),
        ([PATH, "facility.partitions.a.groups.g.features=x"], ["a list"]),
        ([PATH, "workload.path=a\nb"], ["control characters"]),
        ([PATH, "workload.path=" + "x" * 20_000], ["too long"]),
        (["workload.path=${oc.env:HOME}"], ["interpolation"]),
        (["policy._target_=os.system"], ["'_target_' is not allowed"]),
        (["hydra.run.dir=x"], ["'hydra' is not allowed"]),
    ],
)
def test_mistakes_in_overrides(overrides, words):
    with pytest.raises(QhpcsimError) as caught:
        load("replay", overrides)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["facility.partitions.cpuu.nodes=4"], ["no partition 'cpuu'", "did you mean: cpu"]),
        (["facility.nodes=4"], ["facility.partitions.cpu.nodes", "facility=single"]),
        (["workload.path=x"], ["unknown key 'path'", "workload=trace has it"]),
    ],
)
def test_mistakes_that_depend_on_the_scenario(overrides, words):
    with pytest.raises(QhpcsimError) as caught:
        load("small_centre", overrides)
    for word in words:
        assert word in str(caught.value)


def test_unknown_scenario():
    with pytest.raises(UnknownNameError, match="did you mean: quickstart"):
        load("quikstart")


FILE = """\
question: Is it better?
base: small_centre
policy: conservative
workload:
  source: lublin
  n_jobs: 50
facility:
  partitions:
    cpu: {nodes: 16}
"""


def test_a_file_starts_from_a_named_scenario(tmp_path):
    scenario = from_text(tmp_path, FILE, name="my study.yaml")
    assert scenario.name == "my-study"
    assert scenario.question == "Is it better?"
    assert scenario.baseline == "fcfs"
    assert scenario.policy.backfill == "conservative"
    assert scenario.workload.n_jobs == 50
    assert scenario.facility.partitions["cpu"].nodes == 16
    assert scenario.facility.partitions["cpu"].cores_per_node == 64
    assert scenario.facility.partitions["h100"].nodes == 8


def test_overrides_come_after_a_file(tmp_path):
    scenario = from_text(tmp_path, FILE, "policy=fcfs", "workload.n_jobs=7", "name=other")
    assert scenario.policy.backfill == "none"
    assert scenario.workload.n_jobs == 7
    assert scenario.name == "other"


def test_a_choice_on_the_command_line_replaces_the_group_of_a_file(tmp_path):
    text = "policy: {name: easy, depth: 9}\nworkload: {path: x}\n"
    assert from_text(tmp_path, text).policy.depth == 9
    assert from_text(tmp_path, text, "policy=conservative").policy.depth == 0


def test_a_group_may_be_chosen_by_base(tmp_path):
    text = "workload: {path: x}\nfacility: {base: small_centre, partitions: {cpu: {nodes: 2}}}\n"
    assert from_text(tmp_path, text).facility.partitions["cpu"].nodes == 2


def test_a_file_without_base_is_a_plain_replay(tmp_path):
    scenario = from_text(tmp_path, "workload: {path: x.swf}\nscheduler: {interval_s: 2min}\n")
    assert scenario.policy.name == "fcfs"
    assert scenario.workload == TraceWorkload(path="x.swf")
    assert scenario.scheduler.interval_s == 120


@pytest.mark.parametrize("name", ["quickstart", "small_centre", "replay"])
def test_a_resolved_scenario_loads_as_itself(tmp_path, name):
    scenario = load(name, ["workload.path=x", "policy=conservative", "policy.depth=3"] if name == "replay" else [])
    text = yaml.safe_dump(dataclasses.asdict(scenario), sort_keys=False)
    assert from_text(tmp_path, text.replace("!!python/tuple ", "")) == scenario


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base: quikstart\n", ["my.yaml:1", "did you mean: quickstart"]),
        ("base: [a]\n", ["my.yaml:1", "not a name"]),
        ("sed: 1\npolicy: easy\n", ["my.yaml:1: sed", "unknown key", "did you mean: seed"]),
        ("policy: esay\n", ["my.yaml:1: policy", "did you mean: easy"]),
        ("policy: {name: esay}\n", ["my.yaml:1: policy.name", "did you mean: easy"]),
        ("policy: {name: easy, base: easy}\n", ["not both"]),
        ("policy: {name: 3}\n", ["my.yaml:1: policy.name", "not an option's name"]),
        ("policy:\n", ["my.yaml:1: policy", "neither an option's name nor a mapping"]),
        ("policy: [easy]\n", ["neither an option's name nor a mapping"]),
        ("policy:\n  name: easy\n  depht: 7\n", ["my.yaml:3: policy.depht", "did you mean: depth"]),
        ("policy:\n  depth: deep\n", ["my.yaml:2: policy.depth", "a whole number"]),
        ("policy:\n  depth: 010\n", ["my.yaml:2: policy.depth", "'010'"]),
        ("policy:\n  depth: no\n", ["my.yaml:2: policy.depth", "'no'"]),
        ("policy:\n  order: 3\n", ["my.yaml:2: policy.order", "quotes"]),
        ("policy:\n  semantics: pys\n", ["my.yaml:2: policy.semantics", "did you mean: pyss"]),
        ("seed: -1\n", ["my.yaml:1: seed", "out of range"]),
        ("seed: 1\nseed: 2\n", ["my.yaml:2", "given twice"]),
        ("workload:\n  path: 17\n", ["my.yaml:2: workload.path", "quotes"]),
        ("workload:\n  load_scale: -0.5\n", ["my.yaml:2: workload.load_scale", "above 0"]),
        ("workload: {source: lublin, daily_cycle: yes}\n", ["workload.daily_cycle", "true or false"]),
        ("scheduler:\n  interval_s: 1:30\n", ["my.yaml:2: scheduler.interval_s", "not a duration"]),
        ("facility: {nodes: .inf}\n", ["my.yaml:1", "finite"]),
        ("facility:\n  partitions:\n    a b: {nodes: 1}\n", ["my.yaml:3", "cannot be a name"]),
        ("facility:\n  partitions: all\nworkload: {path: x}\n", ["my.yaml:2: facility.partitions", "a mapping"]),
        ("facility:\n  partitions:\n    a: 3\n", ["my.yaml:3: facility.partitions.a", "a mapping"]),
        (
            "workload: {path: x}\nfacility:\n  partitions:\n    a:\n      nodes: 3\n      groups: {g: {nodes: 2}}\n",
            ["my.yaml:6: facility.partitions.a.groups", "add up to 2"],
        ),
        ("name: a/b\nworkload: {path: x}\n", ["my.yaml:1: name", "cannot be a name"]),
        ("question: [a]\n", ["my.yaml:1: question"]),
        ("policy: easy\n", ["workload.path", "is empty"]),
    ],
)
def test_mistakes_in_files(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(QhpcsimError) as caught:
        load("my.yaml")
    for word in words:
        assert word in str(caught.value)


def test_an_override_does_not_blame_the_file(tmp_path):
    with pytest.raises(ConfigError) as caught:
        from_text(tmp_path, "policy:\n  depth: 3\nworkload: {path: x}\n", "policy.depth=-3")
    assert caught.value.where == "policy.depth"


def test_a_file_or_folder_may_be_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("workload: {path: x}\n")
    (tmp_path / "quickstart").mkdir()
    assert load("mine").name == "mine"
    assert load("quickstart").name == "quickstart"
    with pytest.raises(ConfigError, match="a folder"):
        load("./quickstart")


def test_loading_twice_gives_equal_scenarios():
    assert load("quickstart") == load("quickstart")


def test_watts_of_the_small_centre_are_those_of_the_cards():
    partitions = load("small_centre").facility.partitions
    for name, path in {"cpu": "nodes/cpu_node_64.yaml", "h100": "nodes/h100_node.yaml"}.items():
        entries = card(path).entries
        assert partitions[name].idle_w == entries["idle"].value
        assert partitions[name].busy_w == entries["busy"].value


@pytest.mark.parametrize(
    "text", ["0", "7", "12345678901234567890", "007", "1_000", "0.10", "1.", ".5", "-3", "1e3", "1.5.2"]
)
def test_numbers_are_what_hydras_grammar_says(text):
    """Plain ones are read without it."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    from qhpcsim.config.overrides import Raw

    meant = OverridesParser.create().parse_override(f"x={text}").value()
    found = Raw(text).as_value("x")
    assert (type(found), found) == (type(meant), meant)
