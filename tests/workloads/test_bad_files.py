"""Every bad SWF and gzip file gets the reaction that its manifest states."""

from __future__ import annotations

import csv
import functools
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qhpcsim.core.errors import WorkloadError
from qhpcsim.workloads.files import Source, line_blocks
from qhpcsim.workloads.reading import read_workload
from tests.reference import REFERENCE_DATA, reference
from tests.workloads.tables import difference, outcome, swf_line

BAD = "../badinputs"
NOT_THE_READERS = {"S35": "machine size unknown", "S15": "wider than the machine"}
"""Reactions of the facility: the reader takes these files."""


@functools.cache
def cases() -> list[dict[str, str]]:
    manifest = REFERENCE_DATA / BAD / "manifest.csv"
    if not manifest.exists():
        return []
    with manifest.open() as stream:
        return [row for row in csv.DictReader(stream) if row["kind"] in ("swf", "gz")]


def path_of(file: str) -> Path:
    return reference(f"{BAD}/{file}")


@pytest.mark.skipif(cases() != [], reason="the manifest is here")
def test_manifest_is_needed() -> None:
    reference(f"{BAD}/manifest.csv")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_reaction(case: dict[str, str]) -> None:
    path = path_of(case["file"])
    if case["expect"] != "ERROR" or case["id"] in NOT_THE_READERS:
        assert read_workload(path).n > 0
        return
    with pytest.raises(WorkloadError) as caught:
        read_workload(path)
    text = str(caught.value)
    assert path.name in text
    assert len(text) < 400 + len(str(path)) and len(caught.value.message) < 300
    assert caught.value.where.endswith(f"{path.name}:{case['line']}" if case["line"] else path.name)
    assert case["field"] in text
    if len(case["must_say"].split()) <= 2 and case["id"] != "G04":
        assert case["must_say"].lower() in text.lower()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_both_parsers_react_alike(case: dict[str, str]) -> None:
    plain, compiled = (outcome(path_of(case["file"]), compiled=each) for each in (False, True))
    if isinstance(plain, str) or isinstance(compiled, str):
        assert plain == compiled
    else:
        assert difference(plain, compiled, ignore=()) == ""


@pytest.mark.parametrize("case", [c for c in cases() if c["pair"] and c["id"] != "S15"], ids=lambda case: case["id"])
def test_pair_gives_the_same_jobs(case: dict[str, str]) -> None:
    assert difference(read_workload(path_of(case["file"])), read_workload(path_of(case["pair"]))) == ""


@pytest.mark.parametrize("case", [c for c in cases() if c["expect"] == "CLEAN"], ids=lambda case: case["id"])
def test_cleaning_is_counted_and_names_the_field(case: dict[str, str]) -> None:
    if case["id"] not in NOT_THE_READERS:
        cleaned = read_workload(path_of(case["file"])).cleaned
        assert sum(cleaned.values()) == 1
        assert case["field"] in next(iter(cleaned))


def test_bomb_is_stopped_in_little_memory(tmp_path: Path) -> None:
    """200 MiB of long comment lines, and of short ones, in a few kilobytes.

    The peak is read from /proc: ``ru_maxrss`` starts with the memory of the process that forked this one.
    """
    code = (
        "import sys, re\n"
        "from qhpcsim.workloads.swf import read_swf\n"
        "from qhpcsim.core.errors import WorkloadError\n"
        "try: read_swf(sys.argv[1])\n"
        "except WorkloadError as e: print(e)\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)\n"
    )
    for name, unit in (("line", b"; " + b"x" * 1022), ("lines", b";" * 15 + b"\n")):
        bomb = tmp_path / f"{name}.swf.gz"
        with gzip.open(bomb, "wb", compresslevel=1) as stream:
            block = unit * (2**20 // len(unit))
            for _ in range(200):
                stream.write(block)
        done = subprocess.run(
            [sys.executable, "-c", code, bomb], capture_output=True, text=True, timeout=60, check=True
        )
        assert "size limit" in done.stdout
        assert int(done.stdout.split()[-1]) < 300


def test_only_regular_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.swf")
    for path in (tmp_path, tmp_path / "pipe.swf", tmp_path / "absent.swf", Path("/dev/zero"), Path("bad\0name")):
        with pytest.raises(WorkloadError):
            read_workload(path)


def test_size_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.swf"
    path.write_text("; x\n" * 1000)
    with pytest.raises(WorkloadError, match="size limit"):
        read_workload(path, max_bytes=100)


@pytest.mark.parametrize("cut", [3, 20, -1])
def test_truncated_gzip(tmp_path: Path, cut: int) -> None:
    whole = path_of("gz/G00.swf.gz").read_bytes()
    path = tmp_path / "cut.swf.gz"
    path.write_bytes(whole[:cut])
    with pytest.raises(WorkloadError, match="gz is"):
        read_workload(path)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_line_ends_split_between_blocks(tmp_path: Path, ends: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone" + ends + b"two" + ends + ends + b"three")
    for n in range(1, 12):
        with Source(path) as source:
            monkeypatch.setattr(source, "read", functools.partial(Source.read, source, n) if n > 3 else source.read)
            assert b"".join(line_blocks(source)) == b"one\ntwo\n\nthree\n"


def test_gzip_by_name_and_by_content(tmp_path: Path) -> None:
    text = swf_line(1).encode() + b"\n"
    (tmp_path / "plain.swf.gz").write_bytes(text)
    (tmp_path / "twice.swf.gz").write_bytes(gzip.compress(gzip.compress(text)))
    (tmp_path / "packed.swf").write_bytes(gzip.compress(text))
    (tmp_path / "garbage.swf.gz").write_bytes(gzip.compress(text) + b"garbage")
    for name in ("plain.swf.gz", "twice.swf.gz", "garbage.swf.gz"):
        with pytest.raises(WorkloadError, match="gz"):
            read_workload(tmp_path / name)
    assert read_workload(tmp_path / "packed.swf").n == 1
