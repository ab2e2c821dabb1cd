"""Damaged scenario files end in our own error or in a scenario, never in anything else."""

import random

import pytest

from qhpcsim.config import load
from qhpcsim.core import yaml_strict
from qhpcsim.core.errors import QhpcsimError

GOOD = b"""question: x
base: small_centre
policy: {name: easy, depth: 3}
workload:
  source: lublin
  n_jobs: 50
  loads: {cpu: 0.5}
scheduler: {interval_s: 2h}
facility: &a
  partitions:
    cpu: {nodes: 16, groups: {g: {nodes: 16, features: [a, b]}}}
"""
PIECES = (
    *(b"{", b"}", b"[", b"]", b": ", b"*a", b"&a ", b"!!int ", b"- ", b"\n", b"|", b"'", b'"', b"\x00", b"\xff"),
    *(b"null", b"-1", b"1e400", b"?", b"%", b"<<", b"\t", b"${x}", b"  "),
)


def damaged(seed):
    draw, text = random.Random(seed), bytearray(GOOD)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(text))
        if draw.random() < 0.5:
            text[at : at + draw.randint(0, 3)] = draw.choice(PIECES)
        else:
            text[at] = draw.randrange(256)
    return bytes(text)


def test_damaged_files(tmp_path):
    path, n_parsed = tmp_path / "f.yaml", 0
    for seed in range(2000):
        raw = damaged(seed)
        try:
            yaml_strict.parse(raw)
        except QhpcsimError:
            continue
        n_parsed += 1
        if n_parsed <= 40:
            path.write_bytes(raw)
            try:
                load(path)
            except QhpcsimError:
                continue
    assert n_parsed > 40


@pytest.mark.parametrize(
    "raw",
    [b"a: " + b"[" * 300_000, b"a: " + b"{a: " * 100_000, b"- " * 300_000, b"? " * 300_000, b"x" * 900_000],
    ids=["flow lists", "flow mappings", "block lists", "complex keys", "one word"],
)
def test_deep_and_long_files_are_refused(raw):
    with pytest.raises(QhpcsimError):
        yaml_strict.parse(raw)
