"""Usual looks learned by pieces of a clip: the same however many processes learn them."""

from __future__ import annotations

import itertools
import multiprocessing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.swapping.travelling import TravellingExecutor

from recaster.cluster.packing import pack_value, unpack_value
from recaster.faces.analysis import analyse
from recaster.media.clip import Clip
from recaster.processes.executor import use_executor
from recaster.settings.detection import AnalysisSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping import appearance_pieces
from recaster.swapping.appearance_pieces import MAX_PIECE_TRACKS, PIECE_FRAMES, LookFrames, split_looks
from recaster.swapping.guided import GuidedSwapper
from recaster.swapping.performer_appearance import add_appearance
from recaster.swapping.segment_digests import digest_value
from recaster.swapping.swap_plan import SwapPlan
from recaster.swapping.swapper import TrackPlan

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.progress import Update


@pytest.fixture(scope="module")
def studio(few_faces: Faceset, patchy: Path) -> tuple[SwapPlan, Clip]:
    """Three shots with a face each, and a real plan of them."""
    clip = Clip(patchy)
    analysis = analyse(clip.read(0, 46), AnalysisSettings(identify=False))
    plan = SwapPlan.of(analysis.tracks, GuidedSwapper.from_faceset(few_faces), SwapSettings())
    assert len(plan.tracks) == 3
    return plan, clip


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appearance_pieces, "PIECE_FRAMES", 10)


def learn(studio: Any, *how: Any, report: Any = lambda _: None) -> dict[int, str]:
    plan, clip = studio
    found = add_appearance(plan, clip, clip.frames, [clip.frames], report, *how).appearances
    return {number: digest_value(look) for number, look in found.items()}


@pytest.fixture(scope="module")
def expected(studio: Any) -> dict[int, str]:
    """Learned in one pass, which leaves nothing behind."""
    found = learn(studio)
    assert sorted(found) == [0, 1, 2]
    assert len(set(found.values())) == 3
    return found


@pytest.mark.parametrize("processes", [2, 4])
def test_looks_are_the_same(studio: Any, expected: Any, tmp_path: Path, processes: int) -> None:
    told: list[Update] = []
    assert learn(studio, tmp_path, processes, report=told.append) == expected
    assert len(list(tmp_path.glob("*.looks.*.npz"))) == 3
    done = [each.done for each in told]
    assert done == sorted(done)
    assert (done[-1], told[-1].total) == (40, 40)
    assert not multiprocessing.active_children()


def test_looks_that_nodes_learn_are_the_same(studio: Any, expected: Any, tmp_path: Path) -> None:
    executor = TravellingExecutor()
    with use_executor(executor):
        assert learn(studio, tmp_path, None) == expected
    # Only those rows of a plan travel of which a look is made, and none of its other arrays.
    row_bytes = 8 * (478 * 3 + 2 * 3 + 1)
    assert sum(executor.packed["looks"]) < 40 * row_bytes + 3 * 2000


def test_what_was_learned_is_not_learned_again(
    studio: Any, expected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recaster.swapping.performer_appearance.MIN_TRACKS_PER_PROCESS", 1)

    def stop(update: Update) -> None:
        if update.done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(studio, tmp_path, 1, report=stop)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(kept) == 2
    told: list[Update] = []
    assert learn(studio, tmp_path, 1, report=told.append) == expected
    assert [each.done for each in told] == list(range(20, 41))
    assert kept.items() <= {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}.items()
    # A damaged one is learned anew, and those of another clip or plan aren't taken for these.
    damaged = min(kept)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:100])
    assert learn(studio, tmp_path, 2) == expected
    assert damaged.read_bytes() == whole
    plan, clip = studio
    other = Clip(clip.path)
    other.__dict__["digest"] = "0" * 64
    learn((plan, other), tmp_path, 2)
    assert len(list(tmp_path.glob("*.npz"))) == 6


def faces_of(*spans: tuple[int, int]) -> list[LookFrames]:
    plans = [TrackPlan(np.arange(*span), np.zeros((1, 2, 3)), np.zeros((1, 478, 3))) for span in spans]
    return [LookFrames(n, plan, range(len(plan.frames)), 256, False) for n, plan in enumerate(plans)]


def numbers_of(*spans: tuple[int, int]) -> list[list[int]]:
    return [[face.number for face in piece.faces] for piece in split_looks(faces_of(*spans))]


def test_people_of_one_shot_are_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appearance_pieces, "PIECE_FRAMES", PIECE_FRAMES)
    assert numbers_of() == []
    # Shots that begin in one stretch of 500 frames are one piece.
    assert numbers_of((0, 125), (125, 250), (250, 490), (510, 600)) == [[0, 1, 2], [3]]
    # Who is there while another is goes with them, wherever a stretch ends.
    assert numbers_of((480, 700), (490, 650), (620, 900), (900, 990)) == [[0, 1, 2], [3]]
    # Earlier shots don't decide how later ones are grouped.
    assert numbers_of((510, 600), (700, 800)) == [[0, 1]]
    assert numbers_of((0, 20), (300, 400), (510, 600), (700, 800)) == [[0, 1], [2, 3]]
    # Many who pass by somebody who stays are several pieces.
    passers = [(at, at + 20) for at in range(0, 9000, 500)]
    assert max(map(len, numbers_of((0, 9000), *passers))) == MAX_PIECE_TRACKS
    assert sorted(itertools.chain(*numbers_of((0, 9000), *passers))) == list(range(19))


def test_a_face_is_packed_without_the_rest_of_its_track() -> None:
    random = np.random.default_rng(0)
    plan = TrackPlan(
        np.arange(100, 5100), random.random((5000, 2, 3)), random.random((5000, 478, 3)), {"wanted": random}
    )
    [piece] = split_looks([LookFrames(3, plan, range(0, 5000, 500), 256, True)])
    packed = pack_value(piece, {})
    [face] = unpack_value(packed, {}).faces
    assert len(packed) < 130_000
    assert (face.number, face.frames, face.size, face.keeps_glasses) == (3, piece.frames, 256, True)
    assert (face.plan.landmarks == plan.landmarks[::500]).all()
    assert unpack_value(packed, {}).digest == piece.digest
    changed = LookFrames(3, plan, range(1, 5000, 500), 256, True)
    assert split_looks([changed])[0].digest != piece.digest
