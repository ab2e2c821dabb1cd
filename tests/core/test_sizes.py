"""Sizes as people write them."""

import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.units import bytes_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8GB", 8 * 10**9), ("8 GiB", 8 * 2**30), ("1.5kb", 1500), ("512MB", 512 * 10**6), ("100", 100), ("1e9", 10**9)],
)
def test_sizes(text: str, expected: int) -> None:
    assert bytes_of(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "8XB", "-1GB", "1e999GB", "8GB and more", "٣GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match="is no size"):
        bytes_of(text, "--memory")
