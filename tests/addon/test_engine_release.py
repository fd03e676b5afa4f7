"""The engine of an add-on's version: where its wheel comes from, and its packages in parts."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.addon import installs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

releases, sources, words = installs.load("engine.release", "engine.wheel_source", "engine.install_words")

LARGE = 30 << 20


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that a server on this machine has, and the address of its index."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    made = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{made.server_port}/index.json"
    made.shutdown()
    made.server_close()
    thread.join()


def test_the_engine_s_wheel_comes_from_the_repository_and_is_the_known_one(
    served: tuple[Path, str], tmp_path: Path
) -> None:
    folder, address = served
    wheel = installs.engine_wheel(tmp_path)
    said = tmp_path / "engine.json"
    said.write_text(json.dumps(installs.describe(wheel, {})))
    release = releases.read_release(said)
    target = tmp_path / "got.whl"
    calls: list[int] = []

    def fetch(source: Any) -> None:
        source.fetch(release, target, lambda: calls.append(1))

    with pytest.raises(words.InstallError, match="doesn't have its engine"):
        fetch(sources.WheelSource(address))
    with pytest.raises(words.InstallError, match="doesn't have its engine"):
        fetch(sources.WheelSource((folder / "index.json").as_uri()))
    with pytest.raises(words.InstallError, match="doesn't have its engine"):
        fetch(sources.WheelSource("data:text/plain,x"))
    (folder / wheel.name).write_bytes(b"another")
    with pytest.raises(words.InstallError, match="isn't the one that was published"):
        fetch(sources.WheelSource(address))
    with pytest.raises(words.InstallError, match=f"choose the file {wheel.name}"):
        fetch(sources.WheelSource(file=folder / wheel.name))
    with pytest.raises(words.InstallError, match=f"choose the file {wheel.name}"):
        fetch(sources.WheelSource(file=folder / "nowhere"))
    assert not target.exists()
    (folder / wheel.name).write_bytes(wheel.read_bytes())
    for source in (
        sources.WheelSource(address),
        sources.WheelSource(address.removesuffix("/index.json")),
        sources.WheelSource((folder / "index.json").as_uri()),
        sources.WheelSource(file=folder),
        sources.WheelSource(file=folder / wheel.name),
    ):
        target.unlink(missing_ok=True)
        fetch(source)
        assert target.read_bytes() == wheel.read_bytes()
    (folder / wheel.name).unlink()
    calls.clear()
    fetch(sources.WheelSource(address))  # it is there already
    assert calls == []
    target.unlink()
    with pytest.raises(words.InstallError, match="see whether this machine is online"):
        fetch(sources.WheelSource("http://127.0.0.1:9/index.json"))
    assert sources.WheelSource(address).words == address.split("/")[2]


def test_a_file_that_says_nothing_of_an_engine_is_none(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    assert releases.read_release(path) is None
    for text in (
        "",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": "1", "wheel": "w", "sha256": "", "bytes": 1}',
    ):
        path.write_text(text)
        assert releases.read_release(path) is None


def test_parts_are_small_and_what_builds_comes_first() -> None:
    packages = [
        releases.Requirement(name, "1", (), size, is_source)
        for name, size, is_source in (
            ("big", LARGE, False), ("sources", 5, True), ("setuptools", 4, False),
            *((f"p{at:02}", 1, False) for at in range(30)), ("pip", 1, False), ("uv", 1, False),
        )
    ]  # fmt: skip
    release = releases.Release("1", "w", "", 7, {"3.13": tuple(packages)})
    parts = releases.batches(release.packages("3.13"))
    assert [one.name for one in parts[0]] == ["setuptools"]
    assert [len(part) for part in parts] == [1, releases.MAX_BATCH, 6, 1, 1]
    assert [one.name for one in parts[-1]] == ["sources"]
    assert release.download_bytes("3.13") == LARGE + 5 + 4 + 30 + 7
