"""Control in a real Blender: people made unknown, looks of their own, overlays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from serving import Served
    from tests.addon.conftest import Blender

ORIENTATION = 0x0112
ON_ITS_SIDE = 6
"""Shown after a quarter turn clockwise."""


def test_people_are_made_unknown(
    newest_blender: Blender, facts: dict[str, Any], served: Served, tmp_path: Path
) -> None:
    found = newest_blender.run("unknown", tmp_path, **facts, out=tmp_path)
    with served.client(patience_s=60) as client:
        work = client.jobs.get(found["job"]).spec.anonymise
    assert (work.swap.options.range, work.swap.faceset_id, work.fallback) == ("40-45", "", "cover")
    assert not work.swap.options.keep, "nothing of the performer stays"
    assert found["name"] == "shot (Anonymized)"
    assert (found["muted"], found["span"]) == ([True, False], [41, 47])
    said = " ".join(found["texts"])
    assert "The promise is kept" in said
    assert "In shot (Anonymized)" in said
    assert "Nobody is known in any of 6 frames" in said
    assert "Frames 45 to 46: head covered: the" in said
    said = " ".join(found["texts_after_failure"])
    assert "Somebody is known" in said
    assert "In shot (Anonymized)" not in said
    assert "In the earlier result, shot" in said
    told = found["told"]
    assert (told["ranges"], told["covered"]) == ([[4, 5, "turned"]], 2), "names and numbers, in no language"
    assert "Press Find People" in found["nobody"]
    assert found["pictures"].startswith("Render shot as a movie first")


def test_a_person_has_an_own_look_and_an_overlay_shows_what_was_found(
    newest_blender: Blender, facts: dict[str, Any], served: Served, tmp_path: Path
) -> None:
    found = newest_blender.run("seen", tmp_path, **facts, data=tmp_path / "data")
    with served.client(patience_s=60) as client:
        swap = client.jobs.get(found["job"]).spec.swap
    look = swap.cast[0].look
    assert (round(look.feather, 3), list(look.keep), look.mask) == (0.2, ["nose"], "hull")
    assert list(swap.options.keep) == ["mouth"]
    assert "hers" in found["texts"]
    assert "Choose another look" in found["gone"]
    assert found["draft"] == "Turn Draft or Overlay off: a draft has no overlay"
    assert found["parts"] == {
        "frame": ["shot (Face Swap)", False, [41, 45]],
        "matte1": ["shot (Face Matte 1)", True, [41, 45]],
        "overlay": ["shot (Overlay)", True, [41, 45]],
    }
    drawn = [frame.image for frame in read_frames(Path(found["overlay"]))]
    plain = [frame.image for frame in read_frames(Path(facts["clip"]), 40, 44)]
    assert len(drawn) == len(plain)
    changed = [np.abs(one.astype(int) - two).max(-1) > 60 for one, two in zip(drawn, plain, strict=True)]
    assert all(0.002 < each.mean() < 0.2 for each in changed)


def test_a_face_of_photographs_is_put_on_stills_that_stay_what_they_are(
    newest_blender: Blender, facts: dict[str, Any], actors: Path, tmp_path: Path
) -> None:
    people = tmp_path / "people"
    stills = tmp_path / "stills"
    people.mkdir()
    stills.mkdir()
    for name, actor, at in (("a", "likeness", 5), ("c", "likeness", 60), ("b", "performer", 5)):
        Image.fromarray(_frame(actors / f"{actor}.mp4", at)).save(people / f"{name}.png")
    performer = _frame(actors / "performer.mp4", 40)
    alpha = np.full(performer.shape[:2], 255, np.uint8)
    alpha[:, :20] = 90
    Image.fromarray(np.dstack([performer, alpha])).save(stills / "IMG_0042.png")
    exif = Image.Exif()
    exif[ORIENTATION] = ON_ITS_SIDE
    Image.fromarray(np.rot90(performer)).save(stills / "photo.jpg", quality=95, exif=exif)
    found = newest_blender.run("photographs", tmp_path, **facts, folder=people, stills=stills)
    assert "Choose one to 4 pictures" in found["said"]["none"][0]
    assert found["said"]["strangers"] == ["Leave b.png out: no face of the person in a.png was found in it"]
    trouble, gaps = found["said"]["two"]
    assert trouble == ""
    assert gaps.startswith("The source is known by 2 pictures")
    assert found["face"] == "a"
    assert any("known by 2 pictures" in text for text in found["texts"])
    results = found["results"]
    assert {name: one[:2] for name, one in results.items()} == {
        "IMG_0042 (Face Swap)": ["IMAGE", [11, 36]],
        "photo (Face Swap)": ["IMAGE", [11, 36]],
    }
    for name, (_, _, path) in results.items():
        with Image.open(path) as made:
            shown = np.asarray(made)
            if name.startswith("photo"):
                assert made.getexif()[ORIENTATION] == ON_ITS_SIDE
                shown = np.rot90(shown, -1)
            else:
                assert (shown[..., 3] == alpha).all()
        change = np.abs(shown[..., :3].astype(int) - performer).mean(-1)
        assert change[130:220, 120:200].mean() > 3
        assert change[:30].mean() < 1.5


def _frame(path: Path, at: int) -> np.ndarray:
    [frame] = read_frames(path, at, at + 1)
    return frame.image
