"""Process that answers quick questions about files of strangers: ``python -m recaster.jobs.query_worker``.

It is started by ``query_workers`` and stays warm for questions about the same files. It ends at once when the
engine is gone.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import re
import sys
import tempfile
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from recaster.api.internal.v1 import query_pb2, worker_pb2
from recaster.api.v1 import clip_pb2, faceset_pb2, job_pb2, model_pb2, provenance_pb2
from recaster.errors import FacesetError, ManifestError, RecasterError, UsageError, reason_of
from recaster.files import safe_name
from recaster.jobs import limits
from recaster.jobs.grants import grant_from_proto
from recaster.jobs.job_context import INPUTS, is_picture_zip, unpack_footage
from recaster.jobs.proto_records import traces_to_proto
from recaster.processes.channel import Sender, optional_path, path_of, path_to_bytes, plain_text, receive
from recaster.processes.cpu_cores import cores
from recaster.processes.spawn import claim_stdout, end_with_parent, listen
from recaster.settings.corrections import default_path
from recaster.settings.swap import MASK_KINDS
from recaster.zips import UnpackingRoom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.facesets.faceset import Faceset
    from recaster.operations.swap import Request
    from recaster.progress import LogLine
    from recaster.settings.cast import CastMember
    from recaster.swapping.casting import CastSwapper
    from recaster.swapping.swapper import Swapper

ANSWER_CPU_S: Final = 600
"""CPU seconds that one answer may take for each core: twice as long as anybody waits for one."""
THUMBNAIL_WIDTH_PX: Final = 96
MAX_UNPACKED: Final = 3
"""Sequences of pictures that stay unpacked: a clip and two masks."""
PORTRAIT_WIDTH_PX: Final = 256


class QueryHandler:
    """Answers questions, by a method for each kind; keeps the last swapper warm."""

    def __init__(self, scratch: Path) -> None:
        """``scratch`` is the folder for pictures, and for links to what questions are about."""
        self._scratch = scratch
        self._unpacked: dict[Path, tempfile.TemporaryDirectory[str]] = {}
        self._swappers: dict[tuple[Path | None, Path | None, str, str], Swapper] = {}
        self._device_chosen = False

    def answer(self, question: query_pb2.Question) -> query_pb2.Answer:
        """Answers one question; what goes wrong is an answer, too."""
        kind = question.WhichOneof("question")
        asked = getattr(question, kind)
        try:
            return query_pb2.Answer(**{kind: getattr(self, kind)(asked)})
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked must hear of it
            if not isinstance(error, RecasterError):
                traceback.print_exc()
            message = self._without_paths(str(error), asked) or type(error).__name__
            return query_pb2.Answer(
                error=job_pb2.JobError(reason=reason_of(error), message=plain_text(message))
            )

    def faces(self, question: query_pb2.FacesQuestion) -> query_pb2.FacesAnswer:
        """Lists a page of a faceset."""
        from recaster.facesets.faceset import Faceset

        faceset = Faceset.open(path_of(question.folder))
        records = faceset.all_records
        end = question.start + question.count
        page = [
            faceset_pb2.Face(
                face_id=str(record.id),
                source_name=record.source,
                frame=record.frame,
                sharpness=record.sharpness,
                yaw_degrees=record.pose.yaw,
                pitch_degrees=record.pose.pitch,
                dropped=record.dropped is not None,
                thumbnail=_thumbnail(faceset.crop_bytes(record)) if question.thumbnails else b"",
            )
            for record in records[question.start : end]
        ]
        return query_pb2.FacesAnswer(faces=page, more=end < len(records))

    def people(self, question: query_pb2.PeopleQuestion) -> clip_pb2.FindPeopleResponse:
        """Finds who is in a clip."""
        from PIL import Image

        from recaster.faces.analysis_cache import analyse_clip
        from recaster.faces.people import portraits
        from recaster.jobs.thumbnails import small_jpeg
        from recaster.media.clip import Clip
        from recaster.operations.request_options import swap_settings
        from recaster.settings.messages import settings_from
        from recaster.settings.reading import ReadOptions

        with self._footage(path_of(question.clip), question.name, question.corrections) as path:
            clip = Clip(path, settings_from(ReadOptions, question.options))
            settings = swap_settings(question.options, clip.info)
            self._choose_device(question.options, tensorflow=settings.analysis.detector == "dlib-cnn")
            analysis = analyse_clip(clip, settings.analysis, settings.frames)
            people = portraits(clip, analysis, PORTRAIT_WIDTH_PX)
        answer = clip_pb2.FindPeopleResponse()
        for person in people:
            times = [analysis.track(number).times for number in person.tracks]
            answer.people.add(
                portrait=small_jpeg(Image.fromarray(person.image), PORTRAIT_WIDTH_PX),
                frame=person.frame,
                tracks=person.tracks,
                first_seen_s=float(min(each[0] for each in times)),
                last_seen_s=float(max(each[-1] for each in times)),
            )
        return answer

    def tracks(self, question: query_pb2.TracksQuestion) -> clip_pb2.ListTracksResponse:
        """Lists the tracks of a clip."""
        from recaster.jobs.track_answers import list_tracks

        options = question.request.options
        self._choose_device(options, tensorflow=options.detector == "dlib-cnn")
        with self._footage(path_of(question.clip), question.name, question.corrections) as path:
            return list_tracks(path, question.request)

    def correct(self, question: query_pb2.CorrectQuestion) -> clip_pb2.CorrectTracksResponse:
        """Adds a correction to a clip's."""
        from recaster.jobs.track_answers import correct_tracks

        options = question.request.options
        self._choose_device(options, tensorflow=options.detector == "dlib-cnn")
        with self._footage(path_of(question.clip), question.name, question.corrections) as path:
            return correct_tracks(path, question.request)

    def curves(self, question: query_pb2.CurvesQuestion) -> model_pb2.GetLossCurvesResponse:
        """Reads how a training went."""
        from recaster.models.model_folder import ModelFolder
        from recaster.training.loss_curves import loss_curves

        curves = loss_curves(ModelFolder(path_of(question.model)), question.points)
        answer = model_pb2.GetLossCurvesResponse()
        for name, points in curves.items():
            answer.curves.add(
                name=name, steps=[at for at, _ in points], values=[value for _, value in points]
            )
        return answer

    def describe(self, question: query_pb2.DescribeQuestion) -> query_pb2.FacesetCount:
        """Counts the faces of a faceset."""
        from recaster.facesets.faceset import Faceset

        return _count(Faceset.open(path_of(question.folder)))

    def recognise(self, question: query_pb2.RecogniseQuestion) -> worker_pb2.Traces:
        """Reads by which content the face in a model is known again."""
        from recaster.models.model_folder import ModelFolder

        return traces_to_proto(ModelFolder(path_of(question.model)).traces())

    def drop(self, question: query_pb2.DropQuestion) -> query_pb2.FacesetCount:
        """Leaves faces out, or takes them in again."""
        from recaster.facesets.faceset import Faceset

        faceset = Faceset.open(path_of(question.folder))
        known = {record.id for record in faceset.all_records}
        for face in question.faces:
            if face not in known:
                raise UsageError(f"there is no face {face} in this faceset")
        reason = None if question.restore else "by hand"
        faceset.mark(dict.fromkeys(question.faces, reason))
        return _count(faceset)

    def preview(self, question: query_pb2.PreviewQuestion) -> query_pb2.PreviewAnswer:
        """Swaps one frame."""
        from recaster.operations import swap

        handle, name = tempfile.mkstemp(suffix=".png", dir=self._scratch)
        out = Path(name)
        with contextlib.ExitStack() as stack:
            stack.enter_context(open(handle, "wb"))  # noqa: PTH123
            path = stack.enter_context(
                self._footage(path_of(question.clip), question.name, question.corrections)
            )
            person = None
            if question.person:
                person = stack.enter_context(self._named_link(path_of(question.person), "person.png"))
            masks = {
                kind: stack.enter_context(
                    self._footage(path_of(mask), getattr(question, f"{kind}_name"), b"")
                )
                for kind in MASK_KINDS
                if (mask := getattr(question, kind))
            }
            try:
                request = swap.Request(
                    clip=path,
                    out=out,
                    options=question.options,
                    model=optional_path(question.model),
                    source=optional_path(question.faceset),
                    person=person,
                    keep_out=masks.get("keep_out"),
                    keep_in=masks.get("keep_in"),
                    preview=question.frame,
                    cast=tuple(self._read_member(each, stack) for each in question.cast),
                    may_lack=True,
                )
                grant = grant_from_proto(question.grant)
                result = swap.run(request, grant=grant, load=self._load_swapper)
            except BaseException:
                out.unlink(missing_ok=True)
                raise
        warnings = [plain_text(line) for line in result.swap.warnings]
        return query_pb2.PreviewAnswer(path=path_to_bytes(out), warnings=warnings)

    def verify(self, question: query_pb2.VerifyQuestion) -> provenance_pb2.VerifyFileResponse:
        """Reads what a file is by its own signed word."""
        from recaster.provenance.inspection import inspect_file
        from recaster.provenance.manifest import sidecar_of
        from recaster.provenance.policy import Policy

        data = path_of(question.data)
        trust = Policy.load(data).trust
        with self._named_link(path_of(question.path), question.name) as link:
            if question.beside:
                sidecar_of(link).symlink_to(path_of(question.beside))
            try:
                inspected = inspect_file(link, data, [] if trust is None else [trust])
            except ManifestError as error:
                line = str(error).removeprefix(f"{link}: ")
                return provenance_pb2.VerifyFileResponse(line=plain_text(line))
        return provenance_pb2.VerifyFileResponse(
            line=plain_text(inspected.line), valid=True, swap=inspected.swap, trusted=inspected.trusted
        )

    def _choose_device(self, options: job_pb2.SwapOptions, *, tensorflow: bool) -> None:
        """Selects what computes, once: before the first network of this process."""
        from recaster.swapping.load import choose_device

        name = options.device or "auto"
        if not self._device_chosen:
            choose_device(name, None, tensorflow=tensorflow)
            self._device_chosen = tensorflow or name == "gpu"

    def _read_member(self, sent: query_pb2.CastFolder, stack: contextlib.ExitStack) -> CastMember:
        """Reads a member of a cast; its picture is there until the stack is left."""
        from recaster.operations.cast import member_from_proto

        picture = None
        if sent.person:
            picture = stack.enter_context(self._named_link(path_of(sent.person), "person.png"))
        model = optional_path(sent.model)
        faceset = optional_path(sent.faceset)
        return member_from_proto(sent.member, model=model, faceset=faceset, picture=picture)

    def _load_swapper(self, request: Request, _log: LogLine) -> tuple[Swapper | CastSwapper, str]:
        """Loads swappers as ``operations.swap.load_on_device`` does, or takes those that are loaded."""
        from recaster.models.model_folder import ModelFolder, needs_tensorflow
        from recaster.operations.swap import assemble_swapper
        from recaster.swapping.load import load_swapper

        options = request.options
        tensorflow = any(needs_tensorflow(model, options.detector) for model, _ in request.sources)
        self._choose_device(options, tensorflow=tensorflow)
        loaded = self._swappers
        self._swappers = {}  # those of other requests are let go

        def load(model: Path | None, source: Path | None) -> Swapper:
            state = ModelFolder(model).digest() if model else ""
            wanted = (model, source, state, options.device or "auto")
            self._swappers[wanted] = loaded.get(wanted) or load_swapper(model, source, wanted[-1])
            return self._swappers[wanted]

        return assemble_swapper(request, load), ""

    @contextlib.contextmanager
    def _footage(self, path: Path, name: str, corrections: bytes) -> Iterator[Path]:
        """A clip's file under its own name, or the pattern of its pictures; the last ones stay unpacked.

        Its corrections lie beside it, where there are some.
        """
        if not is_picture_zip(name):
            with self._named_link(path, name) as link:
                _put_corrections(link, corrections)
                yield link
            return
        if path not in self._unpacked:
            while len(self._unpacked) >= MAX_UNPACKED:
                self._unpacked.pop(next(iter(self._unpacked))).cleanup()
            self._unpacked[path] = tempfile.TemporaryDirectory(dir=self._scratch / INPUTS)
        folder = Path(self._unpacked[path].name)
        pattern = unpack_footage(path, path.name, name, folder, UnpackingRoom())  # named by its digest
        _put_corrections(pattern, corrections)
        yield pattern

    @contextlib.contextmanager
    def _named_link(self, path: Path, name: str) -> Iterator[Path]:
        """Links a file under the name that people know it by, in a folder of its own."""
        from recaster.media.clip import forget_blob, note_blob

        with tempfile.TemporaryDirectory(dir=self._scratch / INPUTS) as folder:
            link = Path(folder) / safe_name(name)
            link.symlink_to(path)
            note_blob(link)
            try:
                yield link
            finally:
                forget_blob(link)

    def _without_paths(self, text: str, question: Any) -> str:
        """A message without where things lie at the engine."""
        text = re.sub(re.escape(str(self._scratch)) + rf"/({INPUTS}/)?(tmp\w+/)?", "", text)
        for field, name in (("folder", "faceset"), ("model", "model"), ("faceset", "faceset")):
            path = optional_path(getattr(question, field, b""))
            if path is not None:
                text = text.replace(str(path), f"{name} {path.name}")
        return text


def _put_corrections(clip: Path, corrections: bytes) -> None:
    """Puts a clip's corrections beside it, instead of those of an earlier question."""
    path = default_path(clip)
    path.unlink(missing_ok=True)
    if corrections:
        path.write_bytes(corrections)


def _count(faceset: Faceset) -> query_pb2.FacesetCount:
    from recaster.facesets.faceset_traces import faceset_traces

    return query_pb2.FacesetCount(
        faces=len(faceset),
        dropped=len(faceset.all_records) - len(faceset),
        digest=faceset.digest(),
        traces=traces_to_proto(faceset_traces(faceset)),
    )


def _thumbnail(data: bytes) -> bytes:
    from recaster.jobs.thumbnails import small_jpeg
    from recaster.still_images import open_image

    try:
        with open_image(data, "a face of this faceset", formats=("JPEG",)) as picture:
            return small_jpeg(picture, THUMBNAIL_WIDTH_PX)
    except (OSError, SyntaxError, ValueError) as error:
        raise FacesetError(f"a face of this faceset is damaged ({error}); extract the faces again") from None


def questions(stream: IO[bytes]) -> Iterator[query_pb2.Question]:
    """Yields what the engine asks, without end.

    When the engine is gone the process ends, whatever it is doing.
    """
    asked: queue.SimpleQueue[query_pb2.Question] = queue.SimpleQueue()
    end_with_parent()  # also where a library keeps all threads waiting
    listen(stream, query_pb2.Question, asked.put, lambda: os._exit(0))
    while True:
        yield asked.get()


def main() -> None:
    """Answers until the engine ends."""
    from recaster.jobs.confinement import confine, reach_of_question
    from recaster.jobs.job_resources import devices

    sender = Sender(claim_stdout())
    first = receive(sys.stdin.buffer, query_pb2.Question)
    if first is None:
        return
    # A GPU's driver may need sockets that aren't there without the network, and maps its memory as well.
    gpu = devices()[0] == "gpu"
    memory = 0 if gpu else limits.machine_share()
    kept = limits.apply(worker_pb2.ProcessLimits(file_bytes=1 << 30, offline=not gpu, data_bytes=memory))
    kept += confine(reach_of_question(first, gpu=gpu))
    if kept:
        sys.stderr.write(f"a process isn't confined as it should be: {'; '.join(kept)}\n")
    handler = QueryHandler(path_of(first.scratch))
    for question in itertools.chain([first], questions(sys.stdin.buffer)):
        limits.allow_cpu(ANSWER_CPU_S * cores())
        sender.send(handler.answer(question))


if __name__ == "__main__":
    main()
