"""Parts of the engine's installation: the order of Pythons, counted bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.addon import installs

if TYPE_CHECKING:
    from pathlib import Path

places, pythons, installer = installs.load("engine.places", "engine.pythons", "engine.installer")


def test_blenders_own_python_is_the_first_choice_where_the_engine_runs_in_it(tmp_path: Path) -> None:
    system = places.System("linux", {"PATH": str(tmp_path)}, str(tmp_path / "home"))
    for path in (tmp_path / "python3.12", tmp_path / "home/.pyenv/versions/3.13.1/bin/python3.13"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        path.chmod(0o755)
    supported = ("3.11", "3.12", "3.13")
    own = ("/blender/python", "3.13")
    found = pythons.choices(supported, own, system)
    assert (found[0].path, found[0].is_blenders) == ("/blender/python", True)
    found = pythons.choices(supported, ("/usr/bin/python3.14", "3.14"), system)
    mine = [one for one in found if one.path.startswith(str(tmp_path))]
    assert [one.version for one in mine] == ["3.13", "3.12"]
    assert not any(one.is_blenders for one in found)
    assert (found[-1].path, found[-1].version) == ("", "3.13")


def test_counted_bytes_grow_from_file_to_file() -> None:
    heard: list[float] = []
    counter = installer._Counter(300, heard.append)
    for line in ("Collecting a", "Progress 50 of 100", "Progress 100 of 100", "Progress 10 of 200"):
        counter.read(line)
    assert heard == [50, 100, 110]
