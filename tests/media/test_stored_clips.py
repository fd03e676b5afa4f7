"""Clips that lie in a storage: the same frames as on disk, to the bit, and no more fetched than they need."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from recaster.errors import ClipError, NotStoredError, StorageError
from recaster.media import remote_files
from recaster.media.clip import Clip
from recaster.media.picture_file import PicturePart, read_picture, write_picture
from recaster.media.probe import forget_scan, probe, scan
from recaster.media.reader import read_frames
from recaster.media.stored_clip import store_clip
from recaster.processes.own_folder import work_folder
from recaster.settings.reading import ReadOptions
from recaster.settings.storage import StorageSettings
from recaster.storage import transfers
from recaster.storage.node_cache import NodeCache
from recaster.storage.storage import Storage, open_storage
from recaster.storage.stored_file import READ_AHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.media.stored_clip import StoredClip
    from recaster.media.types import Frame

SOUNDS = {".mp4": "aac", ".mkv": "flac", ".mov": "pcm_s16le"}
SIDE = 160
PIECE_BYTES = 1 << 15
"""Chunks of these tests: small clips have many."""


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setattr(transfers, "CHUNK_BYTES", PIECE_BYTES)
    cache = NodeCache(tmp_path / "cache", 1 << 30)
    return open_storage(f"memory://clips/{tmp_path.name}", StorageSettings(), cache)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    assert not remote_files._FILES, "a test left clips open"


def pictures(count: int, side: int = SIDE) -> Iterator[np.ndarray[Any, Any]]:
    noise = np.random.default_rng(7)
    for index in range(count):
        image = noise.integers(0, 60, (side, side, 3), np.uint8)
        image[:, index % side :] += 120
        yield image


def write_movie(path: Path, codec: str, pixels: str, count: int = 80, **options: str) -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25, options=options)
        video.width = video.height = SIDE
        video.pix_fmt = pixels
        video.gop_size = 12
        sound = container.add_stream(SOUNDS[path.suffix], rate=48000)
        sound.layout = "mono"
        for index, image in enumerate(pictures(count)):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            kind, scale = ("fltp", np.float32) if path.suffix == ".mp4" else ("s16", np.int16)
            samples = (np.sin(np.arange(1920) / 9) * (0.5 if kind == "fltp" else 9000)).astype(scale)[None]
            heard = av.AudioFrame.from_ndarray(samples, format=kind, layout="mono")
            heard.rate = 48000
            heard.pts = index * 1920
            container.mux(sound.encode(heard))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


def write_sequence(folder: Path, suffix: str) -> Path:
    kinds = {".exr": np.float16, ".dpx": np.uint16, ".tif": np.uint16, ".png": np.uint8, ".jpg": np.uint8}
    folder.mkdir()
    for number, image in enumerate(pictures(5), 1001):
        pixels = image.astype(kinds[suffix])
        write_picture(folder / f"shot.{number}{suffix}", [PicturePart(("R", "G", "B"), pixels)])
    return folder / f"shot.%04d{suffix}"


MOVIES = {
    "clip.mp4": ("libx264", "yuv420p"),  # with its index at the end
    "clip.mkv": ("ffv1", "yuv444p"),
    "clip.mov": ("prores_ks", "yuv422p10le"),
}


def make_clip(folder: Path, name: str) -> Path:
    if name in MOVIES:
        return write_movie(folder / name, *MOVIES[name])
    return write_sequence(folder / "shot", name)


def images(frames: Iterator[Frame]) -> list[tuple[int, int, bytes]]:
    return [(frame.index, frame.pts, frame.image.tobytes()) for frame in frames]


def remove(path: Path) -> None:
    """Removes a clip from the disk: whoever still reads it gets it from elsewhere."""
    if path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path.parent)


def store(storage: Storage, path: Path) -> StoredClip:
    stored: StoredClip = pickle.loads(pickle.dumps(store_clip(storage, Clip(path))))  # noqa: S301
    remove(path)
    return stored


NAMES = [*MOVIES, ".exr", ".dpx", ".tif", ".png", ".jpg"]


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_those_of_the_disk(storage: Storage, tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path, name)
    there = Clip(path)
    count = there.info.frame_count
    ranges = [(0, count), (count // 2, count // 2 + 3), (count - 1, count)]
    expected = [images(there.read(*each)) for each in ranges]
    several = images(there.read_indices([0, count // 2, count - 1]))
    facts = there.info
    digest = there.digest
    stored = store(storage, there.path)
    clip = stored.open(storage)
    assert [images(clip.read(*each)) for each in ranges] == expected
    assert images(clip.read_indices([0, count // 2, count - 1])) == several
    assert clip.info == facts
    assert clip.digest == digest
    clip.refuse_changes()
    stored.close()
    with pytest.raises(ClipError, match="no such"):
        list(read_frames(stored.path))


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_elsewhere_can_be_probed_and_hashed(storage: Storage, tmp_path: Path, name: str) -> None:
    there = Clip(make_clip(tmp_path, name))
    expected = scan(there.path)
    stored = store(storage, there.path)
    stored.open(storage)
    forget_scan(stored.path, stored.options)
    found = scan(stored.path)
    assert dataclasses.replace(found.info) == dataclasses.replace(expected.info)
    assert found.pts.tolist() == expected.pts.tolist()
    assert found.seek_points.tolist() == expected.seek_points.tolist()
    assert Clip(stored.path).digest == stored.digest
    stored.close()


def end_reading_ahead() -> None:
    for thread in threading.enumerate():
        if thread.name == READ_AHEAD:
            thread.join()


@pytest.mark.parametrize("name", MOVIES)
def test_a_part_of_a_movie_costs_that_part(storage: Storage, tmp_path: Path, name: str) -> None:
    path = write_movie(tmp_path / name, *MOVIES[name], count=600)
    size = path.stat().st_size
    assert size > 60 * PIECE_BYTES
    stored = store(storage, path)
    clip = stored.open(storage)
    before = storage.fetched_bytes
    assert len(list(clip.read(300, 360))) == 60
    end_reading_ahead()
    assert storage.fetched_bytes - before < 0.25 * size
    before = storage.fetched_bytes
    assert len(list(clip.read(300, 360))) == 60
    assert storage.fetched_bytes == before  # the node has it
    stored.close()


def test_a_part_of_a_sequence_costs_its_pictures(storage: Storage, tmp_path: Path) -> None:
    stored = store(storage, write_sequence(tmp_path / "shot", ".exr"))
    clip = stored.open(storage)
    before = storage.fetched_bytes
    frames = clip.read(2, 3)
    next(frames).image.mean()
    frames.close()
    one = stored.stored.files[tmp_path / "shot" / "shot.1003.exr"].size
    assert one <= storage.fetched_bytes - before < 2 * one  # with its manifest
    stored.close()


@pytest.mark.parametrize("name", MOVIES)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_clip_that_is_not_whole_is_no_shorter_clip(
    storage: Storage, tmp_path: Path, name: str, share: float
) -> None:
    stored = store(storage, make_clip(tmp_path, name))
    [entry] = stored.stored.files.values()
    chunks = storage.read_file_manifest(entry.reference).chunks
    chunk = chunks[int(share * len(chunks))]
    storage.remove(chunk)
    clip = stored.open(storage)
    with pytest.raises(NotStoredError, match=chunk):
        list(clip.read(0, clip.info.frame_count))
    forget_scan(stored.path, stored.options)
    with pytest.raises(NotStoredError, match=chunk):
        scan(stored.path)
    stored.close()


def test_one_sequence_read_in_two_ways(storage: Storage, tmp_path: Path) -> None:
    path = Clip(write_sequence(tmp_path / "shot", ".png")).path
    ways = [ReadOptions(frame_rate=rate) for rate in ("12", "50")]
    stored = [store_clip(storage, Clip(path, way)) for way in ways]
    shutil.rmtree(tmp_path / "shot")
    clips = [each.open(storage) for each in stored]
    assert [probe(path, way).rate for way in ways] == [clip.info.rate for clip in clips] == [12, 50]
    assert storage.fetched_bytes == 0
    stored[0].close()
    assert len(images(clips[1].read(0, 3))) == 3  # the other one is still open
    stored[1].close()


def test_copies_of_a_killed_process_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that opens files by their names gets a copy, which nobody else may see, or find later."""
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    hold = "import io, time; from pathlib import Path; from recaster.media import remote_files\n"
    hold += "file = remote_files.RemoteFile(4, lambda: io.BytesIO(b'face'))\n"
    hold += "remote_files.register(Path('/shot.heic'), file)\n"
    hold += "with remote_files.local_file(Path('/shot.heic')) as copy:\n"
    hold += "    print(copy, flush=True)\n    time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        copy = Path(process.stdout.readline().strip())
        assert copy.read_bytes() == b"face"
        assert copy.parent.stat().st_mode & 0o77 == 0
        process.kill()
    with work_folder() as own:  # of the node's next process
        assert not copy.exists()
        assert [path for path in own.parent.iterdir() if path.is_dir()] == [own]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_picture_that_is_damaged_is_named(storage: Storage, tmp_path: Path) -> None:
    stored = store(storage, write_sequence(tmp_path / "shot", ".png"))
    entry = stored.stored.files[tmp_path / "shot" / "shot.1002.png"]
    chunk = storage.read_file_manifest(entry.reference).chunks[-1]
    storage.backend.write(f"objects/{chunk[:2]}/{chunk}", b"another picture")
    with pytest.raises(StorageError, match=f"{chunk}: is damaged"):
        list(stored.open(storage).read(0, 3))
    stored.close()


def test_pictures_are_written_like_one_elsewhere(storage: Storage, tmp_path: Path) -> None:
    path = write_sequence(tmp_path / "shot", ".dpx")
    first = path.parent / "shot.1001.dpx"
    parts = read_picture(first)
    write_picture(tmp_path / "here.dpx", parts, like=first)
    stored = store(storage, path)
    stored.open(storage)
    write_picture(tmp_path / "there.dpx", parts, like=first)
    assert (tmp_path / "here.dpx").read_bytes() == (tmp_path / "there.dpx").read_bytes()
    stored.close()


def test_a_clip_elsewhere_is_meant_even_where_the_disk_has_another(storage: Storage, tmp_path: Path) -> None:
    path = make_clip(tmp_path, "clip.mp4")
    expected = images(Clip(path).read(0, 5))
    stored = store(storage, path)
    write_movie(path, "libx264", "yuv420p", 10, crf="40")
    assert images(stored.open(storage).read(0, 5)) == expected
    stored.close()
    assert images(Clip(path).read(0, 5)) != expected


def test_a_clip_is_stored_once(storage: Storage, tmp_path: Path) -> None:
    path = make_clip(tmp_path, "clip.mp4")
    first = store_clip(storage, Clip(path))
    there = {each.name for each in storage.list_objects()}
    copy = tmp_path / "copy: of it.mp4"
    shutil.copy(path, copy)
    again = store_clip(storage, Clip(copy))
    assert again.stored.reference == first.stored.reference
    assert {each.name for each in storage.list_objects()} == there
    storage.sweep([first.stored.reference], 0)
    clip = first.open(storage)
    assert len(list(clip.read(0, 3))) == 3
    first.close()


@pytest.mark.parametrize("name", ["clip.mp4", ".png"])
def test_what_all_machines_see_is_read_where_it_is(tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path, name)
    shared = open_storage(
        f"memory://shared/{tmp_path.name}", StorageSettings(shared_folders=(str(tmp_path),))
    )
    expected = images(Clip(path).read(1, 5))
    stored: StoredClip = pickle.loads(pickle.dumps(store_clip(shared, Clip(path))))  # noqa: S301
    assert [each.name for each in shared.list_objects() if each.name.startswith("objects")] == []
    clip = stored.open(shared)
    assert images(clip.read(1, 5)) == expected
    stored.close()
    outside = open_storage(
        f"memory://outside/{tmp_path.name}", StorageSettings(shared_folders=("/elsewhere",))
    )
    store_clip(outside, Clip(path))
    assert list(outside.list_objects())


def _touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def _write_others(path: Path) -> None:
    """Another file of as many bytes and the same time."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-9] + b"otherwise")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_touch, "isn't the same file there"),
        (_write_others, "isn't the same"),
        (os.unlink, "cannot be read there"),
    ],
)
def test_another_file_at_a_shared_path_is_refused(tmp_path: Path, change: Any, says: str) -> None:
    path = make_clip(tmp_path, "clip.mp4")
    shared = open_storage(f"memory://other/{tmp_path.name}", StorageSettings(shared_folders=(str(tmp_path),)))
    stored = store_clip(shared, Clip(path))
    change(path)
    clip = stored.open(shared)
    with pytest.raises(ClipError, match=says):
        next(clip.read(1, 5))
    stored.close()
