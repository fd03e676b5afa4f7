"""Quick questions that need a look at pictures: answered by a warm process, never by the engine itself.

``python -m recaster.jobs.query_worker`` is that process, ``assistants`` the engine's side. One JSON object a
line each way. The process ends when nobody asked for a while, and at once when the engine is gone.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import re
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import FacesetError, ManifestError, RecasterError, UsageError, reason_of
from recaster.files import safe_name
from recaster.jobs import limits
from recaster.jobs.job_context import INPUTS
from recaster.processes.cpu_cores import cores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recaster.facesets.faceset import Faceset
    from recaster.swapping.swapper import Swapper

ANSWER_CPU_S: Final = 600
"""CPU seconds that one answer may take for each core: twice as long as anybody waits for one."""
THUMBNAIL_WIDTH: Final = 96
PORTRAIT: Final = 256


class _Desk:
    """Answers questions; keeps the last swapper warm."""

    def __init__(self) -> None:
        self._swapper: tuple[tuple[Path | None, str, str, str], Swapper] | None = None
        self._device_chosen = False

    def answer(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one question."""
        methods = {
            "faces": self.faces,
            "people": self.people,
            "curves": self.curves,
            "describe": self.describe,
            "drop": self.drop,
            "preview": self.preview,
            "recognise": self.recognise,
            "verify": self.verify,
        }
        return methods[question["ask"]](question)

    def faces(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """A page of a faceset."""
        from recaster.facesets.faceset import Faceset

        faceset = Faceset.open(Path(question["folder"]))
        start, count = question["start"], question["count"]
        records = faceset.all_records
        page = [
            {
                "face_id": str(record.id),
                "source_name": record.source,
                "frame": record.frame,
                "sharpness": record.sharpness,
                "yaw_degrees": record.pose.yaw,
                "pitch_degrees": record.pose.pitch,
                "dropped": record.dropped is not None,
                "thumbnail": base64.b64encode(
                    _thumbnail(faceset.crop_bytes(record)) if question["thumbnails"] else b""
                ).decode(),
            }
            for record in records[start : start + count]
        ]
        return {"faces": page, "more": start + count < len(records)}

    def people(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Who is in a clip."""
        from PIL import Image

        from recaster.api.v1 import job_pb2
        from recaster.faces.analysis_cache import analyse_clip
        from recaster.faces.people import portraits
        from recaster.jobs.thumbnails import small_jpeg
        from recaster.media.clip import Clip
        from recaster.operations.request_options import swap_settings

        options = job_pb2.SwapOptions.FromString(base64.b64decode(question["options"]))
        with _clip_of(question) as path:
            clip = Clip(path)
            settings = swap_settings(options, clip.info)
            self._choose_device(options, tensorflow=settings.analysis.detector == "dlib-cnn")
            analysis = analyse_clip(clip, settings.analysis, settings.frames)
            found = portraits(path, analysis, PORTRAIT)
        times = [[analysis.tracks[number].times for number in one.tracks] for one in found]
        return {
            "people": [
                {
                    "portrait": base64.b64encode(small_jpeg(Image.fromarray(one.image), PORTRAIT)).decode(),
                    "frame": one.frame,
                    "tracks": one.tracks,
                    "first_seen_s": float(min(each[0] for each in seen)),
                    "last_seen_s": float(max(each[-1] for each in seen)),
                }
                for one, seen in zip(found, times, strict=True)
            ]
        }

    def curves(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """How a training went."""
        from recaster.models.model_folder import ModelFolder
        from recaster.training.loss_curves import loss_curves

        found = loss_curves(ModelFolder(Path(question["model"])), question["points"])
        return {"curves": [{"name": name, "points": curve} for name, curve in found.items()]}

    def describe(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """How many faces a faceset holds, and their digest."""
        from recaster.facesets.faceset import Faceset

        return _count(Faceset.open(Path(question["folder"])))

    def recognise(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """By which content the face in a model is known again."""
        from recaster.models.model_folder import ModelFolder

        return ModelFolder(Path(question["model"])).traces().to_json()

    def drop(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Leave faces out, or take them in again."""
        from recaster.facesets.faceset import Faceset

        faceset = Faceset.open(Path(question["folder"]))
        known = {record.id for record in faceset.all_records}
        for name in question["faces"]:
            if name not in known:
                raise UsageError(f"there is no face {name} in this faceset")
        reason = None if question["restore"] else "by hand"
        faceset.mark(dict.fromkeys(question["faces"], reason))
        return _count(faceset)

    def preview(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Swap one frame."""
        from recaster.api.v1 import job_pb2
        from recaster.media.clip import Clip
        from recaster.operations.request_options import swap_settings
        from recaster.provenance.provenance_mark import ProvenanceMark
        from recaster.swapping.load import needs_tensorflow
        from recaster.swapping.preview import preview_frame
        from recaster.swapping.request import SwapRequest

        options = job_pb2.SwapOptions.FromString(base64.b64decode(question["options"]))
        handle, name = tempfile.mkstemp(suffix=".png", dir=question["folder_for_pictures"])
        out = Path(name)
        with open(handle, "wb"), _clip_of(question) as path:  # noqa: PTH123
            person = None
            if question["person"]:
                person = path.parent / "person.png"
                person.symlink_to(question["person"])
            try:
                clip = Clip(path)
                settings = swap_settings(options, clip.info, person)
                mark = ProvenanceMark.from_json(question["mark"])
                model = Path(question["model"]) if question["model"] else None
                self._choose_device(options, tensorflow=needs_tensorflow(model, settings.analysis.detector))
                swapper = self._swapper_of(model, question["faceset"], options.device or "auto")
                request = SwapRequest(clip, out, swapper, settings, mark)
                result = preview_frame(request, question["frame"])
            except BaseException:
                out.unlink(missing_ok=True)
                raise
        return {"path": str(out), "warnings": result.warnings}

    def verify(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a file is by its own signed word."""
        from recaster.provenance.inspection import inspect_file
        from recaster.provenance.manifest import sidecar_of
        from recaster.provenance.policy import Policy

        data = Path(question["data"])
        trust = Policy.load(data).trust
        with tempfile.TemporaryDirectory(dir=_inputs(question)) as folder:
            shown = Path(folder) / safe_name(question["name"])
            shown.symlink_to(question["path"])
            if question["beside"]:
                sidecar_of(shown).symlink_to(question["beside"])
            try:
                found = inspect_file(shown, data, [] if trust is None else [trust])
            except ManifestError as error:
                said = str(error).removeprefix(f"{shown}: ")
                return {"line": said, "valid": False, "swap": False, "trusted": False}
        return {"line": found.line, "valid": True, "swap": found.swap, "trusted": found.trusted}

    def _choose_device(self, options: Any, *, tensorflow: bool) -> None:
        """Choose what computes, once: before the first network of this process."""
        from recaster.swapping.load import choose_device

        name = options.device or "auto"
        if not self._device_chosen:
            choose_device(name, None, tensorflow=tensorflow)
            self._device_chosen = tensorflow or name == "gpu"

    def _swapper_of(self, model: Path | None, faceset: str, device: str) -> Swapper:
        from recaster.models.model_folder import ModelFolder
        from recaster.swapping.load import load_swapper

        state = ModelFolder(model).digest() if model else faceset
        wanted = (model, faceset, state, device)
        if self._swapper is None or self._swapper[0] != wanted:
            swapper = load_swapper(model, Path(faceset) if faceset else None, device)
            self._swapper = (wanted, swapper)
        return self._swapper[1]


@contextlib.contextmanager
def _clip_of(question: Mapping[str, Any]) -> Iterator[Path]:
    """A clip under the name that people know it by, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=_inputs(question)) as folder:
        clip = Path(folder) / safe_name(question["name"])
        clip.symlink_to(question["clip"])
        yield clip


def _inputs(question: Mapping[str, Any]) -> Path:
    """Where links may be made to what a question is about."""
    return Path(question["folder_for_pictures"]) / INPUTS


def _count(faceset: Faceset) -> Mapping[str, Any]:
    from recaster.facesets.faceset_traces import faceset_traces

    return {
        "faces": len(faceset),
        "dropped": len(faceset.all_records) - len(faceset),
        "digest": faceset.digest(),
        "traces": faceset_traces(faceset).to_json(),
    }


def _without_paths(text: str, question: str) -> str:
    """A message without where things lie at the engine."""
    asked = json.loads(question)
    text = re.sub(re.escape(asked["folder_for_pictures"]) + rf"/({INPUTS}/)?(tmp\w+/)?", "", text)
    for kind in ("folder", "model", "faceset"):
        if asked.get(kind):
            text = text.replace(asked[kind], f"{kind.replace('folder', 'faceset')} {Path(asked[kind]).name}")
    return text


def _thumbnail(data: bytes) -> bytes:
    from recaster.jobs.thumbnails import small_jpeg
    from recaster.still_images import open_image

    try:
        with open_image(data, "a face of this faceset", formats=("JPEG",)) as picture:
            return small_jpeg(picture, THUMBNAIL_WIDTH)
    except (OSError, SyntaxError, ValueError) as error:
        raise FacesetError(f"a face of this faceset is damaged ({error}); extract the faces again") from None


def _questions(first: str) -> Iterator[str]:
    """What the engine asks, from the first question on.

    When the engine is gone the process ends, whatever it is doing.
    """
    asked: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        while line := sys.stdin.readline():
            asked.put(line)
        os._exit(0)

    limits.end_with_parent()  # also where a library keeps all threads waiting
    threading.Thread(target=listen, daemon=True).start()
    yield first
    while True:
        yield asked.get()


def main() -> None:
    """Answer until the engine ends."""
    from recaster.jobs.confinement import confine, reach_of_question
    from recaster.jobs.devices import devices
    from recaster.jobs.worker import own_output
    from recaster.jobs.worker_task import Limits

    out = own_output()
    first = sys.stdin.readline()
    if not first:
        return
    # A GPU's driver may need sockets that aren't there without the network, and maps its memory as well.
    gpu = devices()[0] == "gpu"
    memory = 0 if gpu else limits.machine_share()
    kept = limits.apply(Limits(file_bytes=1 << 30, offline=not gpu, data_bytes=memory))
    kept += confine(reach_of_question(json.loads(first), gpu=gpu))
    if kept:
        sys.stderr.write(f"a process isn't confined as it should be: {'; '.join(kept)}\n")
    desk = _Desk()
    for line in _questions(first):
        limits.allow_cpu(ANSWER_CPU_S * cores())
        try:
            answer = desk.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked must hear of it
            if not isinstance(error, RecasterError):
                traceback.print_exc()
            answer = {"error": _without_paths(str(error), line) or type(error).__name__}
            answer["reason"] = reason_of(error)
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
