"""Strict YAML: what is refused, and what surprising scalars turn into."""

import os

import pytest

from qhpcsim.core import yaml_strict
from qhpcsim.core.errors import ConfigError


def parse(text):
    return yaml_strict.parse(text.encode() if isinstance(text, str) else text, "my.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("1e6", 1e6),
        ("1.", 1.0),
        (".5", 0.5),
        ("-3", -3),
        ("+3", 3),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ("2026-01-01", "2026-01-01"),
        ("٣٠", "٣٠"),
        ("nan", "nan"),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    got = parse(f"a: {text}").data["a"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is given twice (first on line 1)"),
        ("a:\n  b: 1\n  b: 2\n", 3, "'a.b' is given twice"),
        ("a: 1\nb: .nan\n", 2, "not a finite number"),
        ("b: -.inf\n", 1, "not a finite number"),
        ("b: 1e999\n", 1, "not a finite number"),
        ("a: " + "9" * 50, 1, "too many digits"),
        ("- 1\n- 2\n", 1, "not a mapping"),
        ("just text", 1, "not a mapping"),
        ("a: 1\n---\nb: 2\n", 2, "second YAML document"),
        ("a: {b: 1\n", 2, "not valid YAML"),
        ("a: !!python/object/apply:os.system ['touch canary']\n", 1, "tag"),
        ("a: !thing 1\n", 1, "tag"),
        ("a: 1\nb: ${oc.env:HOME}\n", 2, "interpolation"),
        ("a: '${x}'\n", 1, "interpolation"),
        ("a: 1\n_target_: os.system\n", 2, "'_target_' is not allowed"),
        ("a:\n  b:\n    - _recursive_: no\n", 3, "'_recursive_' is not allowed"),
        ("hydra:\n  run: {dir: x}\n", 1, "'hydra' is not allowed"),
        ("defaults: [easy]\n", 1, "'defaults' is not allowed"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "'<<' is not allowed"),
        ("? [a, b]\n: 1\n", 1, "key must be plain text"),
        ("a: &x [*x]\n", 1, "alias *x"),
        ("a: *nowhere\n", 1, None),
        ("a: " + "[" * 40 + "]" * 40, 1, "nested too deeply"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
    ],
)
def test_refuses_with_the_line(text, line, words):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.where == f"my.yaml:{line}"
    assert words is None or words in str(caught.value)


def test_alias_bomb_is_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(ConfigError, match="too many values"):
        parse("\n".join(lines))


def test_a_few_aliases_are_fine():
    document = parse("a: &x {n: 1}\nb: *x\n")
    assert document.data == {"a": {"n": 1}, "b": {"n": 1}}
    assert document.where(("b", "n")) == "my.yaml:2"


def test_many_values_are_refused():
    with pytest.raises(ConfigError, match="too many values"):
        parse("a: [" + "1, " * 30_000 + "1]")


@pytest.mark.parametrize("raw", [b"a: \xff\xfe\n", b"a: 1\nb: \x80\n"])
def test_refuses_what_is_not_utf8(raw):
    with pytest.raises(ConfigError, match="UTF-8"):
        parse(raw)


@pytest.mark.parametrize("raw", [b"a: \x00\n", b"a: \x07\n", b"\x1f\x8b\x08\x00"])
def test_refuses_control_bytes(raw):
    with pytest.raises(ConfigError):
        parse(raw)


def test_empty_file_is_refused(tmp_path):
    for text in ("", "# only a comment\n", "---\n...\n"):
        (tmp_path / "e.yaml").write_text(text)
        with pytest.raises(ConfigError):
            yaml_strict.load(tmp_path / "e.yaml")


def test_byte_order_mark_and_windows_line_ends():
    assert parse(b"\xef\xbb\xbfa: 1\r\nb: two\r\n").data == {"a": 1, "b": "two"}


def test_only_regular_files_of_modest_size(tmp_path):
    with pytest.raises(ConfigError, match="a folder"):
        yaml_strict.load(tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        yaml_strict.load(tmp_path / "x.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ConfigError, match="not a regular file"):
        yaml_strict.load(tmp_path / "pipe.yaml")
    with pytest.raises(ConfigError, match="not a regular file"):
        yaml_strict.load("/dev/zero")
    (tmp_path / "big.yaml").write_bytes(b"a: 1\n" + b"#" * yaml_strict.MAX_BYTES)
    with pytest.raises(ConfigError, match="too large"):
        yaml_strict.load(tmp_path / "big.yaml")
