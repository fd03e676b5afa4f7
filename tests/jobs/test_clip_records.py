"""Clips as clients of the interface see them."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from recaster.jobs.proto_records import clip_to_proto
from recaster.media.probe import probe


def test_a_clip_says_how_it_is_stored_and_what_stands_around_its_picture(tmp_path):
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("prores_ks", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuva444p10le"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        stream.codec_context.color_trc = 16
        stream.set_display_rotation(-90)
        stream.metadata.update({"timecode": "10:20:30:12", "reel_name": "A001"})
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 40, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}]
        )
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), format="rgb24")
        frame = frame.reformat(format="yuva444p10le")
        frame.pts = 0
        frame.color_trc = 16
        frame.time_base = Fraction(1, 25)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    clip = clip_to_proto(probe(path), "c1", "a.mov", "d" * 64, path.stat().st_size)
    assert (clip.width, clip.height) == (64, 102)
    assert (clip.stored_width, clip.stored_height, clip.sample_aspect, clip.rotation) == (96, 64, "16/15", 90)
    assert (clip.timecode, clip.reel, clip.transfer) == ("10:20:30:12", "A001", "smpte2084")
    assert (clip.bit_depth, clip.has_alpha) == (12, True)  # as ProRes 4444 decodes
    assert [(chapter.title, chapter.end_s) for chapter in clip.chapters] == [("One", 0.04)]
