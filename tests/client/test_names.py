"""Files of any name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recaster.files import safe_name

if TYPE_CHECKING:
    from recaster.client import Client


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("interview.mp4", "interview.mp4"),
        ("Ünïcode 映画.mov", "Ünïcode 映画.mov"),
        ("../../etc/passwd", "passwd"),
        ("C:\\clips\\a.mp4", "a.mp4"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (".hidden", "hidden"),
        ("a\nb\0c\u202e.mp4", "a_b_c_.mp4"),
        (os.fsdecode(b"\xff.mp4"), "?.mp4".replace("?", "_")),
        ("x" * 300 + ".mp4", "x" * 116 + ".mp4"),
    ],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_clip_whose_name_is_no_text(engine: Client, actors: Path, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.mp4"))
    path.write_bytes((actors / "neighbour.mp4").read_bytes())
    assert engine.clip(engine.take_clip(path)).display_name == "__.mp4"
