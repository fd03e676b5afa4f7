"""Greetings of libraries."""

from __future__ import annotations

import os

import pytest

from recaster.stderr_filter import filter_stderr


def test_only_lines_that_begin_so_are_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    def load() -> None:
        os.write(2, b"INFO: hello\nI0000 port.cc] welcome\nwhat went wrong\n")
        raise ValueError("passes")

    with pytest.raises(ValueError, match="passes"), filter_stderr(b"INFO:", b"I0000"):
        load()
    os.write(2, b"INFO: afterwards\n")
    assert capfd.readouterr().err == "what went wrong\nINFO: afterwards\n"
