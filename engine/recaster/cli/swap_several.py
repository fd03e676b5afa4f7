"""Several clips in one ``recaster swap``: names of results, and the work here or at an engine."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import clear_line, reporter, say, say_error, say_failure, say_note
from recaster.errors import ClipError, RecasterError, UsageError
from recaster.operations.swap_batch import (
    ENDING_ERRORS,
    BatchProgress,
    Tally,
    check_batch,
    describe_failure,
    merge_errors,
    run_batch,
)
from recaster.progress import no_log
from recaster.settings.encoding import CLIP_SUFFIXES, PICTURE_CODECS, SUFFIXES, WriterOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from recaster.api.v1 import job_pb2
    from recaster.cli.parsers import Options
    from recaster.cli.remote import Remote
    from recaster.media.sequence_name import SequenceName
    from recaster.operations.swap import Request, Result


class StoreOut(argparse.Action):
    """Stores a path, and that its text says it is a folder, which a path forgets."""

    def __call__(self, _parser: Any, namespace: Options, value: Any, _flag: str | None = None) -> None:
        """Stores both."""
        namespace.out = Path(value)
        namespace.out_is_folder = value.endswith(("/", os.sep))


def split_tasks(options: Options) -> list[Options]:
    """Makes the options of each clip out of those of a command, with files named for what it writes.

    One clip with a file to write stays as it is. Results lie in the folder that is named instead, each called
    as its clip, in the clip's container where that can hold the codec.

    Raises:
        UsageError, ClipError: files are missing or would replace each other; all that is wrong is named.
    """
    clips = list_clips(options.clips)
    is_single = len(options.clips) == 1 and clips == [_find_pattern(options.clips[0])]
    if is_single and not (options.out_is_folder or options.out.is_dir()):
        return [argparse.Namespace(**{**vars(options), "clip": clips[0]})]
    tasks = []
    for clip, name in _name_results(clips, options.codec).items():
        names = {
            "matte": name,
            "report": _name_report(Path(name)),
            "layers_out": _name_layers(Path(name), options.layers),
        }
        files = {key: _place_file(getattr(options, key), names[key], is_single=is_single) for key in names}
        files["out"] = options.out / name
        tasks.append(argparse.Namespace(**{**vars(options), "clip": clip, **files}))
    wrong = _find_wrong_options(options, clips, is_single=is_single)
    faults = [*wrong, *_find_missing(clips), *_find_clashes(options, tasks)]
    if faults:
        raise merge_errors(faults)
    return tasks


def _place_file(path: Path | None, name: str, *, is_single: bool) -> Path | None:
    """Places what is written beside a result in the folder that was given; of one clip it may be a file."""
    if path is None or (is_single and path.suffix and not path.is_dir()):
        return path
    return path / name


def _name_report(name: Path) -> str:
    """Chooses what the report of a result is called in a folder."""
    from recaster.media.sequence_name import SequenceName

    sequence = SequenceName.parse(name)
    return f"{name.name if sequence is None else sequence.list_path.stem}.json"


def _name_layers(name: Path, layers: Sequence[str]) -> str:
    """Chooses what the layers of a result are called in a folder; pictures have a folder of their own."""
    from recaster.media.sequence_name import SequenceName

    sequence = SequenceName.parse(name)
    title = name.stem if sequence is None else sequence.title
    return f"{title}.mov" if layers == ("face",) else f"{title}/{title}.%04d.exr"


def list_clips(paths: Sequence[Path]) -> list[Path]:
    """Lists the clips that files and folders stand for, each once; a folder for those directly in it.

    A folder without one stands for the sequences of pictures in it, else for those in the folders in it, else
    for itself. Sequences are listed by their patterns.
    """
    clips: dict[Path, Path] = {}
    for path in paths:
        for clip in _list_folder(path) if path.is_dir() else [_find_pattern(path)]:
            clips.setdefault(clip.resolve(), clip)
    return list(clips.values())


def _list_folder(folder: Path) -> list[Path]:
    from recaster.timelines import media_search

    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    movies = [file for file in files if file.suffix.lower() in media_search.CLIP_SUFFIXES and file.is_file()]
    if movies:
        return movies
    nested = [path for inside in files if inside.is_dir() for path in _list_patterns(inside)]
    return _list_patterns(folder) or nested or [folder]


def _list_patterns(folder: Path) -> list[Path]:
    """Lists the sequences of a folder; lone pictures, which may be posters, only without others."""
    from recaster.media.sequence_name import list_sequences

    listed = list_sequences(folder)
    return [name.path for name, files in listed.items() if len(files) > 1] or [name.path for name in listed]


def _find_pattern(path: Path) -> Path:
    from recaster.media.sequence_name import resolve_clip

    try:
        return resolve_clip(path)
    except ClipError:  # that it is missing is said with all else
        return path


def _name_results(clips: Sequence[Path], codec: str | None) -> dict[Path, str]:
    """Names the results of clips, in the clip's container where that can hold the codec.

    Those of sequences are called as the pictures without their numbers, with the folder's name before that
    where several would be called alike; as sequences as the clip, or by a pattern.
    """
    from recaster.media.sequence_name import clip_exists, find_sequence

    names = {}
    there = [clip for clip in clips if clip_exists(clip)]
    sequences = {clip: name for clip in there if (name := find_sequence(clip)) is not None}
    counts = Counter(name.title for name in sequences.values())
    for clip in clips:
        sequence = sequences.get(clip)
        stem = clip.stem
        parent = ""
        if sequence is not None:
            parent = f"{clip.resolve().parent.name}_" if counts[sequence.title] > 1 else ""
            stem = sequence.title
        names[clip] = f"{parent}{choose_result_name(clip.with_stem(stem), sequence, codec)}"
    return names


def choose_result_name(clip: Path, sequence: SequenceName | None, codec: str | None) -> str:
    """Chooses a result's name in a folder: the clip's, or a pattern, in a container that takes the codec.

    Args:
        clip: named as the result is to be, without a sequence's numbers.
        codec: None for the clip's own of pictures, else the usual one.
    """
    from recaster.media.sequence_name import USUAL_DIGITS

    codec = codec or (sequence.codec if sequence is not None else WriterOptions.codec)
    fits = clip.suffix.lower() in SUFFIXES[codec]
    if codec not in PICTURE_CODECS:
        return clip.name if fits else f"{clip.stem}{SUFFIXES[codec][0]}"
    if sequence is not None and fits and sequence.digits:
        return sequence.path.name
    digits = max(sequence.digits, USUAL_DIGITS) if sequence is not None else USUAL_DIGITS
    return f"{clip.stem}.%0{digits}d{clip.suffix if fits else SUFFIXES[codec][0]}"


def _find_wrong_options(options: Options, clips: Sequence[Path], *, is_single: bool) -> list[RecasterError]:
    from recaster.media.sequence_name import choose_picture_codec

    faults: list[RecasterError] = []
    if options.preview is not None:
        faults.append(UsageError("--preview writes one picture: give it one clip, and a picture's name"))
    if options.track is not None and len(clips) > 1:
        faults.append(UsageError("--track is a number of one clip; for several, --person finds somebody"))
    folders = {
        "-o": options.out,
        "--matte": options.matte,
        "--report": options.report,
        "--layers-out": options.layers_out,
    }
    for flag, path in folders.items():
        if path is None or path.is_dir() or (is_single and flag != "-o"):
            continue
        codec = choose_picture_codec(path) if len(clips) > 1 else None
        if codec or path.is_file() or path.suffix.lower() in {*CLIP_SUFFIXES, ".json"}:
            instead = f"and --codec {codec} for pictures" if codec else "not a file"
            faults.append(UsageError(f"{flag} {path}: several clips need a folder here, {instead}"))
    named = {path.resolve() for path in options.clips if path.is_dir()}
    for flag in ("-o", "--matte", "--layers-out"):
        path = folders[flag]
        if path is not None and path.resolve() in named:
            text = "is a folder of clips: what is written there would be a clip the next time"
            faults.append(UsageError(f"{flag} {path}: {text}; choose another one"))
    return faults


def _find_missing(clips: Sequence[Path]) -> list[RecasterError]:
    from recaster.media.sequence_name import clip_exists

    missing = [clip for clip in clips if not clip_exists(clip)]
    return [ClipError(f"{clip}: there is no such file or folder") for clip in missing]


def _find_clashes(options: Options, tasks: Sequence[Options]) -> list[RecasterError]:
    """Finds what would be written twice, or over something that is read, whatever the case of its letters."""
    inputs = {_place(path) for path in (*(task.clip for task in tasks), options.person) if path is not None}
    outputs = [
        (task.clip, path)
        for task in tasks
        for path in (task.out, task.matte, task.report, task.layers_out, *_list_marks(task))
        if path is not None
    ]
    counts = Counter(_place(path) for _, path in outputs)
    faults: list[RecasterError] = []
    for place, count in counts.items():
        clips = [clip for clip, path in outputs if _place(path) == place]
        path = next(path for _, path in outputs if _place(path) == place)
        if count > 1:
            names = ", ".join(str(clip) for clip in dict.fromkeys(clips))
            faults.append(UsageError(f"{path}: would be written {count} times, for {names}; choose folders"))
        elif place in inputs:
            faults.append(UsageError(f"{path}: would replace what is read; choose another folder"))
    return faults


def _list_marks(task: Options) -> list[Path]:
    """Lists what lies beside the signed results of a task: lists of pictures, manifests."""
    from recaster.swapping.sequence_list import list_marks

    paths = () if task.no_manifest else (task.out, task.layers_out)
    return [mark for path in paths if path is not None for mark in list_marks(path).values()]


def _place(path: Path) -> str:
    from recaster.media.sequence_name import resolve_place

    return str(resolve_place(path)).casefold()


def swap_several_here(options: Options, requests: Sequence[Request]) -> None:
    """Swaps clips in this process.

    Raises:
        BatchError: some failed; all that could be done is.
    """

    def tell(request: Request, result: Result | None) -> None:
        clear_line(sys.stderr)
        if result is None:
            text = "is there already, made by the same request (--again makes it anew)"
            say_note(options, f"{request.out}: {text}")
            return
        for warning in result.swap.warnings:
            say_error(f"recaster swap: warning: {request.clip.name}: {warning}")
        say_result(options, request.out, result.summary())

    tally = _tally(options, [request.clip for request in requests])
    report = reporter(options)
    frames = check_batch(requests, tally, report)
    try:
        run_batch(requests, tally, frames, report, no_log, tell, again=options.again)
    finally:
        _say_summary(options, tally)
    tally.check()


def swap_several_there(
    options: Options,
    tasks: Sequence[Options],
    remote: Remote,
    submit: Callable[[Options], job_pb2.Job],
    fetch: Callable[[Options, job_pb2.Job], None],
) -> None:
    """Swaps clips at an engine: a job each, all of them queued before the first is waited for.

    Args:
        submit: brings a clip there and queues its job.
        fetch: brings what a job made here, and says so.

    Raises:
        BatchError: some failed; all that could be done is.
        UsageError: everything is to be done again, which jobs that an engine has done are not.
    """
    from recaster.client import TokenError, UnreachableError

    if options.again:
        raise UsageError("--again is for work here; delete an engine's job to have it done again")
    tally = _tally(options, [task.clip for task in tasks], (*ENDING_ERRORS, TokenError, UnreachableError))
    try:
        JobBatch(remote, tally, submit, fetch).run({task.clip: task for task in tasks})
    finally:
        _say_summary(options, tally)
    tally.check()


class JobBatch:
    """Jobs of several clips at an engine, waited for in the order in which they were queued.

    Args:
        tally: gets the outcomes, by the names that the tasks have.
        submit: brings a task's clip there and queues its job.
        fetch: brings what a job made here.
    """

    def __init__(
        self,
        remote: Remote,
        tally: Tally,
        submit: Callable[[Options], job_pb2.Job],
        fetch: Callable[[Options, job_pb2.Job], None],
    ) -> None:
        self._remote = remote
        self._tally = tally
        self._submit = submit
        self._fetch = fetch
        self._progress = BatchProgress(remote.report, dict.fromkeys(tally.clips, 1))
        remote.report = self._progress
        self._waiting: deque[tuple[Path, Options, job_pb2.Job]] = deque()

    def run(self, tasks: Mapping[Path, Options]) -> None:
        """Queues all jobs, then waits for each and fetches what it made; says which go on when stopped."""
        try:
            for name, task in tasks.items():
                with self._tally.collect(name):
                    self._queue(name, task)
            while self._waiting:
                self._finish_oldest()
        except KeyboardInterrupt:
            for name, task, job in self._waiting:
                say_note(task, f"{name}: job {job.job_id} goes on")
            raise

    def _queue(self, name: Path, task: Options) -> None:
        from recaster.client import BusyError

        while True:
            self._progress.begin(name)
            try:
                job = self._submit(task)
            except BusyError as error:
                # An engine may take no more than some jobs of a client at a time.
                if error.reason != "QUOTA_EXCEEDED" or not self._waiting:
                    raise
                self._finish_oldest()
            else:
                self._waiting.append((name, task, job))
                return

    def _finish_oldest(self) -> None:
        name, task, job = self._waiting[0]
        self._progress.begin(name)
        with self._tally.collect(name):
            self._fetch(task, self._remote.follow(job))
            self._tally.made.append(name)
        self._progress.end(is_measured=True)
        self._waiting.popleft()


def say_result(options: Options, out: Path, summary: Sequence[str]) -> None:
    """Says what one swap made."""
    if not options.quiet:
        first, *rest = summary
        say(f"{out}: {first}", *rest)


def _tally(
    options: Options, clips: Sequence[Path], ending: tuple[type[BaseException], ...] = ENDING_ERRORS
) -> Tally:
    def tell(clip: Path, error: BaseException) -> None:
        say_failure(options, f"recaster swap: {describe_failure(clip, error)}", error)

    return Tally(clips, tell, ending)


def _say_summary(options: Options, tally: Tally) -> None:
    clear_line(sys.stderr)
    counts, *failed = tally.summary()
    if not options.quiet:
        say(counts)
        sys.stdout.flush()
    say_error(*failed)
