"""The pages that are made of the code say what the code says, and leave nothing out."""

import csv
import json
import sys
from pathlib import Path

import pytest

import qhpcsim
from qhpcsim.core.registry import HOMES, entries

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))
from manual import generated, markdown, scenario_reference, validated  # noqa: E402


def page(name: str) -> str:
    return generated.filled((DOCS / name).read_text(encoding="utf-8"))


def test_every_kind_has_its_place_on_one_page() -> None:
    pages = [path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))]
    marks = [mark for text in pages for mark in generated.MARK.findall(text)]
    kinds = [kind for maker, words in marks if maker == "registry" for kind in words.split()]
    assert sorted(kinds) == sorted(HOMES)


@pytest.mark.parametrize("kind", HOMES)
def test_every_entry_is_in_its_table(kind: str) -> None:
    made = generated.MAKERS["registry"](kind)
    ours = [name for name, entry in entries(kind).items() if entry.source != "user"]
    assert [name for name in ours if f"| `{name}` |" not in made] == []


def test_a_model_stands_with_its_assumptions_and_parameters() -> None:
    made = generated.MAKERS["registry"]("scaling")
    backlog = made.split("### backlog")[1].split("### ")[0]
    assert "- *Model*:" in backlog
    assert "- *Not modelled*:" in backlog
    assert "| `drain_s` | number, s |" in backlog


OTHER = ("name", "question", "workload.path", "workload", "qpu")
"""Keys for which the scenario ``replay`` has values of its own."""


def test_defaults_of_the_table_are_those_of_the_code(tmp_path: Path) -> None:
    """Setting every key to the default that the page shows changes nothing."""
    log = tmp_path / "log.csv"
    log.write_text("job_id,submit_s,nodes,runtime_s,walltime_s\n1,0,1,1,1\n", encoding="utf-8")
    fixed = [f"workload.path={log}", "policy=fcfs"]
    shown = {key.path: key.default for key in scenario_reference.scenario_table()}
    plain = qhpcsim.load("replay", fixed)
    settable = {
        path: default
        for path, default in shown.items()
        if "NAME" not in path and "[]" not in path and default and not default.startswith("{") and path not in OTHER
    }
    assert len(settable) > 50
    again = qhpcsim.load("replay", [*fixed, *(f"{path}={default}" for path, default in settable.items())])
    assert again == plain


def test_every_scenario_key_is_on_the_page() -> None:
    made = page("reference/scenario_keys.md")
    every = [key.path for key in scenario_reference.scenario_table()]
    assert [path for path in every if f"| `{path}` |" not in made] == []
    assert "`facility.partitions.NAME.groups.NAME.cores_per_node`" in made
    assert "| `workload.path` | text |" in made


def test_every_card_is_listed_with_what_it_says_of_itself() -> None:
    made = page("reference/cards.md")
    cards = [f"{path.parent.name}/{path.stem}" for path in (ROOT / "calibration").glob("*/*.yaml")]
    assert len(cards) > 50
    assert [name for name in cards if f"| `{name}` |" not in made] == []
    from qhpcsim.core.cards import card

    overall, one, several = card("qpu/ibm_2023").entry("fit_error").value
    assert f"{100 * overall:.1f} %, {100 * one:.1f} %, {100 * several:.1f} % (all, one circuit, several)" in made


def test_the_command_line_page_has_every_option() -> None:
    from qhpcsim.cli import VERBS, parser_of

    made = page("reference/command_line.md")
    for verb in VERBS:
        section = made.split(f"\n## {verb}\n")[1].split("\n## ")[0]
        options = [text for action in parser_of(verb)._actions for text in action.option_strings]
        assert [text for text in options if text not in section] == []


def test_every_public_name_is_on_the_page_of_the_python_interface() -> None:
    made = page("reference/api.md")
    assert [name for name in qhpcsim.__all__ if name != "__version__" and f":: qhpcsim.{name}\n" not in made] == []


def test_every_study_is_quoted_with_its_figure() -> None:
    made = page("answers.md")
    studies = [path.parent for path in (ROOT / "experiments").glob("[0-9]*/expected.json")]
    assert len(studies) >= 5
    for study in studies:
        title = (study / "README.md").read_text(encoding="utf-8").splitlines()[0]
        assert f"\n#{title}\n" in made
        assert f"](../experiments/{study.name}/figure.png)" in made


@pytest.mark.parametrize("name", validated.TABLES)
def test_no_table_of_the_validation_page_is_empty(name: str) -> None:
    assert len(validated.validated(name).splitlines()) > 3


def test_the_validation_page_shows_the_numbers_of_the_studies() -> None:
    made = page("validation.md")
    with (ROOT / "experiments/02_model_validity/results.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] in ("held out", "never fitted")]
    assert len(rows) > 30
    for row in rows:
        mean, low, high = (f"{float(row[name]):.3g}" for name in ("mape_pct", "low_pct", "high_pct"))
        assert f"| {mean} ({low}…{high}) |" in made
    choice = json.loads((ROOT / "experiments/05_cut_choice/results.json").read_text(encoding="utf-8"))
    assert all(f"| {value:.4g} |" in made for value in choice.values())


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("``a|b`` of x_1*y", r"`a\|b` of x\_1\*y"),
        ("a doi:10.1007/3-8_35; more", r"a [doi:10.1007/3-8\_35](<https://doi.org/10.1007/3-8_35>); more"),
        ("(doi:10.1016/S0743(03)4)", "([doi:10.1016/S0743(03)4](<https://doi.org/10.1016/S0743(03)4>))"),
        ("arXiv:2405.07333, text", "[arXiv:2405.07333](<https://arxiv.org/abs/2405.07333>), text"),
        ("see https://a.org/b_c.", r"see [https://a.org/b\_c](<https://a.org/b_c>)."),
    ],
)
def test_text_becomes_markdown_that_shows_the_same(written: str, shown: str) -> None:
    assert markdown.text(written) == shown
