"""Backends as cards: what is read, what the faithful switch does, what is refused."""

import pytest

from qhpcsim.core.cards import card
from qhpcsim.core.errors import CardError
from qhpcsim.core.workflow_records import Need
from qhpcsim.middleware.backends import SCHEMA, backend_names, open_backend
from qhpcsim.middleware.client import ClientCosts
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.pool_costs import PoolCosts
from tests.middleware.pool_cases import case, plan, tasks


def test_the_shipped_backends():
    assert backend_names() == ("dask", "dask_bag", "ray")


@pytest.mark.parametrize("name", backend_names())
def test_every_entry_of_a_card_arrives(name):
    made, entries = open_backend(name), card(f"middleware/{name}").entries
    arrived = {
        key: getattr(costs, f"{'poll' if key == 'look' else key}_s")
        for costs, keys in (
            (made.pilot, ("start", "start_per_doubling", "poll", "cancel")),
            (made.pool, ("dispatch", "cold", "gpu_cold", "load", "turnaround")),
            (made.client, ("submit", "submit_unpinned", "collect", "collect_per_task", "look")),
        )
        for key in keys
    }
    assert set(arrived) == set(SCHEMA)
    for key, seconds in arrived.items():
        assert seconds == (entries[key].value if key in entries else 0.0), key


@pytest.mark.parametrize("name", backend_names())
def test_an_unfaithful_client_is_ideal_and_everything_else_stays(name):
    faithful, ideal = open_backend(name), open_backend(name, faithful=False)
    assert ideal.client == ClientCosts()
    assert (faithful.client == ideal.client) is (name == "dask_bag")  # whose client costs nothing beside the dispatch
    assert (ideal.pilot, ideal.pool) == (faithful.pilot, faithful.pool)


def test_units_are_converted(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(CARD.format(name="submit", value=250, unit="us"), encoding="utf-8")
    made = open_backend(str(path))
    assert made.client.submit_s == pytest.approx(250e-6)
    assert (made.pilot, made.pool) == (PilotCosts(), PoolCosts())


CARD = """\
card: mine
method: m
source: s
date: 2026-11-23
uncertainty: null
entries:
  {name}: {{value: {value}, unit: {unit}}}
"""


@pytest.mark.parametrize(
    ("name", "value", "unit", "says"),
    [
        ("submti", 1, "s", "submit"),
        ("submit", 1, "tasks", "unit"),
        ("submit", -1, "s", "negative"),
        ("cold", ".nan", "s", "finite"),
    ],
)
def test_wrong_cards_are_refused(tmp_path, name, value, unit, says):
    path = tmp_path / "mine.yaml"
    path.write_text(CARD.format(name=name, value=value, unit=unit), encoding="utf-8")
    with pytest.raises(CardError) as error:
        open_backend(str(path))
    assert says in str(error.value)


def test_an_unknown_backend_names_the_nearest():
    with pytest.raises(CardError) as error:
        open_backend("rai")
    assert "ray" in str(error.value)


def test_dask_makespans_are_multiples_of_the_poll_after_the_first_result():
    """1 s for each task without a pilot; then looks every 10 s from the first result on."""
    made_of = open_backend("dask")
    for named, sent_s in ((-1, 3 * (1.0 + made_of.client.submit_s)), (0, 3 * made_of.client.submit_s)):
        made = case([plan(cores=8)], made_of.pool, client=made_of.client)
        made.bag(tasks(2.0, 14.0, 25.0), pilot=named)
        made.run()
        first_s = max(sent_s, made.pool.tasks[0].ended_s)
        looks = (made.done_s[0] - first_s) / made_of.client.poll_s
        assert looks == pytest.approx(3.0, abs=1e-9)


def test_ray_ends_workers_of_tasks_with_a_gpu():
    backend = open_backend("ray")
    work = tasks(10, 10, need=Need(gpus=1))
    made = case([plan(cores=8, gpus_per_node=1)], backend.pool)
    made.bag(work)
    made.run()
    gap_s = work[1].started_s - work[0].ended_s
    assert gap_s == pytest.approx(backend.pool.gpu_cold_s + backend.pool.dispatch_s)
