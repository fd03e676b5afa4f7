"""Extraction of the faces of one person from clips and still images into a faceset.

The work can be stopped at any time and goes on where it was when it is asked for again: inputs that
were finished with the same settings are skipped, and so is every face that is in the faceset already.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

from recaster.errors import FaceNotFoundError, FacesetError, ImageError
from recaster.facesets.clip_crops import sweep_crops
from recaster.facesets.clip_faces import take_clip, wanted_frames
from recaster.facesets.face_records import FacesetSettings, SourceRecord, describe_counts
from recaster.facesets.faceset import FACES, INDEX, Faceset
from recaster.facesets.inputs import Input, find_inputs
from recaster.facesets.still_faces import StillFinder, person_in, take_still
from recaster.files import remove_folder
from recaster.media.clip import Clip, digest_media
from recaster.media.probe import probe
from recaster.media.sheet import load_image
from recaster.progress import Report, Update, silent
from recaster.settings.extract import CROP_SIZE_PX, ExtractSettings
from recaster.settings.reading import DEFAULT_READING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recaster.faces.types import Floats
    from recaster.media.types import ClipInfo

__all__ = ["ExtractSettings", "extract"]


def extract(
    inputs: Sequence[Path],
    out: Path,
    settings: ExtractSettings | None = None,
    report: Report = silent,
    on_warning: Callable[[Path, str], None] = lambda _path, _warning: None,
) -> Faceset:
    """Extracts faces into a new or existing faceset.

    What became of each input's frames is in the ``counts`` of ``Faceset.sources``.

    Args:
        inputs: clips, images, and folders of images (those directly inside).
        out: the faceset's folder; an existing faceset is added to.
        on_warning: told of corrections of a clip that could not be applied.

    Raises:
        UsageError: settings that do not make sense, or a range that does not fit a clip.
        InputError: an input is missing, or a clip, an image or the faceset is broken; an image found in
            a folder is only counted ("unreadable").
        FaceNotFoundError: not a single face was kept; an empty faceset is removed again.
        OutputError: the faceset cannot be written.
    """
    settings = settings or ExtractSettings()
    settings.check()
    files = find_inputs(inputs)
    infos = {file.path: probe(file.path, settings.reading) for file in files if file.kind == "clip"}
    for info in infos.values():
        wanted_frames(settings, info)
    person = None if settings.person is None else person_in(settings.person, settings.detector)
    work = _Extraction(_open_or_create(out, settings), settings, person, report, on_warning)
    try:
        for number, file in enumerate(files, 1):
            work.take(file, infos.get(file.path))
            if file.kind == "image":
                report(Update("extracting", number, len(files), "inputs", f"{len(work.faceset)} faces"))
    finally:
        if not work.faceset.all_records:
            _remove_empty(work.faceset)
    if not work.faceset.all_records:
        raise FaceNotFoundError(_describe_failure(work.outcomes, settings))
    return work.faceset


class _Extraction:
    """Run over the inputs."""

    def __init__(
        self,
        faceset: Faceset,
        settings: ExtractSettings,
        person: Floats | None,
        report: Report,
        on_warning: Callable[[Path, str], None],
    ) -> None:
        self.faceset = faceset
        self._settings = settings
        self._person = person
        self._report = report
        self._on_warning = on_warning
        self._signature = _signature(settings, person)
        self._finder: StillFinder | None = None
        self.outcomes: list[str] = []
        faceset.sweep()
        sweep_crops(faceset.folder)

    def take(self, file: Input, info: ClipInfo | None) -> None:
        """Takes the faces of one input, unless that was finished before."""
        digest = digest_media(file.path, is_still=file.kind == "image")
        source = self.faceset.add_source(SourceRecord(0, file.path.name, digest, file.kind))
        signature = self._signature
        if info is not None and (corrections := Clip(info.path, info.reading).corrections):
            signature = f"{signature} {corrections.digest()}"
        if signature in source.finished:
            return
        problem = ""
        if info is None:
            counts = self._take_image(file, source)
        else:
            counts, problem, warnings = take_clip(
                self.faceset, source, info, self._settings, self._person, self._report
            )
            for warning in warnings:
                self._on_warning(file.path, warning)
        self.outcomes.append(f"{source.name}: {problem or describe_counts(counts)}")
        counts = {reason: count for reason, count in counts.items() if count}
        finished = (*source.finished, signature)
        self.faceset.update_source(dataclasses.replace(source, finished=finished, counts=counts))

    def _take_image(self, file: Input, source: SourceRecord) -> Mapping[str, int]:
        try:
            image = load_image(file.path)
        except ImageError:
            if file.named:
                raise
            return {"unreadable": 1}
        if self._finder is None:
            self._finder = StillFinder(self._settings.detector, self._settings.min_face)
        return take_still(self.faceset, source, image, self._finder, self._settings, self._person)


def _open_or_create(out: Path, settings: ExtractSettings) -> Faceset:
    """Opens the faceset to add to, made if there is none."""
    if not (out / INDEX).is_file():
        size = CROP_SIZE_PX if settings.size is None else settings.size
        return Faceset.create(out, FacesetSettings(size=size, identity=settings.identity))
    faceset = Faceset.open(out)
    if settings.size not in (None, faceset.size):
        raise FacesetError(
            f"{out}: this faceset has crops of {faceset.size} pixels, not {settings.size}; "
            "leave the size out, or extract to another folder"
        )
    return faceset


def _signature(settings: ExtractSettings, person: Floats | None) -> str:
    """Text of the settings that decide which faces are taken."""
    values = dataclasses.asdict(settings)
    left_out = ["size", "identity"]
    if settings.reading == DEFAULT_READING:  # facesets of earlier releases know nothing of it
        left_out.append("reading")
    for name in left_out:
        del values[name]
    values["person"] = None if person is None else hashlib.sha256(person.tobytes()).hexdigest()
    return json.dumps(values, sort_keys=True)


def _remove_empty(faceset: Faceset) -> None:
    """Removes a faceset that has no face."""
    remove_folder(faceset.folder / FACES)
    (faceset.folder / INDEX).unlink()
    if not any(faceset.folder.iterdir()):
        with contextlib.suppress(PermissionError):  # a worker's own folder, which its engine removes
            faceset.folder.rmdir()


def _describe_failure(outcomes: Sequence[str], settings: ExtractSettings) -> str:
    """Says in one line why no face was kept."""
    shown = list(outcomes[:3])
    if len(outcomes) > 3:
        shown.append(f"and {len(outcomes) - 3} more inputs")
    wanted = "no face" if settings.person is None else f"no face of the person in {settings.person.name}"
    return f"{wanted} was kept ({'; '.join(shown)}); try another detector, smaller faces or other inputs"
