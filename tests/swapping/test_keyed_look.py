"""Looks that change along a clip: each frame has its own, and only what is touched is rendered anew."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.files import parse_json
from recaster.media.clip import Clip
from recaster.media.types import Frame
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.look_course import LookChange
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.render import Renderer
from recaster.swapping.request import SwapRequest
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.swapping.render import RenderedFrame

COUNT = 40
NONE = LookSettings(colour="none")


def key(frame: int, **values: Any) -> LookChange:
    return LookChange(range(frame, frame + 1), tuple(values.items()), is_key=True)


def within(first: int, last: int, **values: Any) -> LookChange:
    return LookChange(range(first, last + 1), tuple(values.items()))


RAMP = (key(5, feather=0.0, erode=0.0), key(25, feather=0.4, erode=0.2))


def render(fake: Any, look: LookSettings, changes: Any = (), wanted: range = range(COUNT)) -> Any:
    settings = SwapSettings(look=look, changes=changes, batch=4)
    plan = SwapPlan.of([fake.track(range(COUNT))], fake.FakeSwapper(), settings)
    frames = [Frame(i, i, Fraction(i, 25), fake.picture(i)) for i in range(COUNT)]
    renderer = Renderer(plan, fake.FakeSwapper(), settings, StageTimer())
    return list(renderer.render(lambda a, b: frames[a:b], wanted, range(COUNT)))


def same(mine: RenderedFrame, theirs: RenderedFrame) -> bool:
    return np.array_equal(mine.image, theirs.image) and np.array_equal(mine.matte, theirs.matte)


def test_every_frame_of_a_ramp_is_that_of_a_swap_with_its_values(fake: Any) -> None:
    keyed = render(fake, NONE, RAMP)
    areas = [int(item.matte.sum()) for item in keyed]
    for frame in (0, 5, 6, 13, 20, 24, 25, 39):
        share = min(max((frame - 5) / 20, 0), 1)
        mask = MaskSettings(feather=0.4 * share, erode=0.2 * share)
        [alone] = render(fake, dataclasses.replace(NONE, mask=mask), wanted=range(frame, frame + 1))
        assert same(keyed[frame], alone)
    assert areas[5] > areas[12] > areas[18] > areas[25]


def test_words_change_at_their_frames_and_nothing_beside_them_does(fake: Any) -> None:
    changes = (within(10, 19, mask="hull", colour="mean"), within(30, 33, colour="light"))
    keyed, plain, other, light = (
        render(fake, look, chosen)
        for look, chosen in (
            (NONE, changes),
            (NONE, ()),
            (LookSettings(MaskSettings("hull"), "mean"), ()),
            (LookSettings(), ()),
        )
    )
    for frame in range(COUNT):
        wanted = other if 10 <= frame <= 19 else light if 30 <= frame <= 33 else plain
        assert same(keyed[frame], wanted[frame]), frame


def test_a_frame_is_the_same_wherever_the_render_began(fake: Any) -> None:
    changes = (*RAMP, key(7, colour="mean"), key(19, colour="hist"), within(15, 21, mask="hull"))
    whole = render(fake, LookSettings(), changes)
    part = render(fake, LookSettings(), changes, range(17, 29))
    assert all(map(same, part, whole[17:29]))


@pytest.fixture(scope="module")
def clip(fake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.make_clip(tmp_path_factory.mktemp("clips") / "target.mp4", COUNT)


def test_only_what_a_change_touches_is_rendered_anew(
    fake: Any, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        pipeline, "analyse_clip", lambda *_, **__: fake.analysis([fake.track(range(COUNT))], COUNT)
    )

    def swap(name: str, changes: Any) -> tuple[Any, bytes, Any]:
        out = tmp_path / f"{name}.mp4"
        report = out.with_suffix(".json")
        settings = SwapSettings(
            changes=changes, chunk=8, batch=4, writer=WriterOptions(preset="ultrafast"), report=report
        )
        request = SwapRequest(Clip(clip), out, fake.FakeSwapper(), settings, keeps_segments=True)
        return pipeline.swap_clip(request), out.read_bytes(), parse_json(report.read_bytes())

    _, plain, report = swap("out", ())
    assert "look" not in report["frames"][0]["faces"][0]
    result, changed, report = swap("out", (within(20, 22, feather=0.3),))
    assert result.resumed == COUNT - 8, "its part alone"
    assert not result.warnings
    assert changed != plain
    looks = [frame["faces"][0]["look"]["feather"] for frame in report["frames"]]
    assert looks == [0.3 if 20 <= frame <= 22 else 0.06 for frame in range(COUNT)]
    assert swap("scratch", (within(20, 22, feather=0.3),))[1] == changed
    assert swap("out", ())[1] == plain
