"""The cyclic garbage collector is off while a simulation runs, and as before afterwards."""

import gc

import pytest

from qhpcsim.core.collection import no_collection


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_as_before_even_after_an_error(was_on):
    @no_collection()
    def fail():
        seen.append(gc.isenabled())
        raise ValueError

    seen: list[bool] = []
    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        for _ in range(2):
            with pytest.raises(ValueError):
                fail()
            assert gc.isenabled() is was_on
    finally:
        (gc.enable if before else gc.disable)()
    assert seen == [False, False]
