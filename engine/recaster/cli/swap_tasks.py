"""Tasks of ``recaster swap``: the clips and stills that a command names, and the names of their results."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.cast_options import NUMBERED, list_member_mattes
from recaster.errors import ClipError, RecasterError, UsageError
from recaster.operations.swap_batch import merge_errors
from recaster.settings.encoding import WriterOptions
from recaster.settings.formats import (
    CLIP_SUFFIXES,
    PICTURE_CODECS,
    PICTURE_SUFFIXES,
    SUFFIXES,
    UNREADABLE_STILLS,
)
from recaster.settings.swap import MASK_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recaster.cli.parsers import Options
    from recaster.media.sequence_name import SequenceName


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
    is_file = not (options.out_is_folder or options.out.is_dir())
    if is_file and len(options.clips) == 1 and _is_still(options.clips[0], options):
        return [argparse.Namespace(**{**vars(options), "clip": options.clips[0], "stills": True})]
    clips = list_clips(options.clips, are_stills=options.stills)
    if not clips:
        raise ClipError(f"{options.clips[0]}: no pictures are in this folder; name pictures, or their folder")
    is_single = len(options.clips) == 1 and clips == [_find_pattern(options.clips[0])]
    if is_single and is_file:
        return [argparse.Namespace(**{**vars(options), "clip": clips[0]})]
    stills = [clip for clip in clips if _is_lone(clip, options)]
    tasks = []
    results = _name_results(clips, options.codec, stills)
    for clip, title in _choose_titles(results).items():
        name = results[clip]
        names = {
            "matte": name,
            "report": f"{_name_whole(Path(name))}.json",
            "overlay": f"{title}{'.png' if clip in stills else '.mp4'}",
            "layers_out": f"{title}.mov" if options.layers == ("face",) else f"{title}/{title}.%04d.exr",
        }
        files = {key: _place_file(getattr(options, key), names[key], is_single=is_single) for key in names}
        files["out"] = options.out / name
        own = {"clip": clip, "stills": clip in stills, **files}
        tasks.append(argparse.Namespace(**{**vars(options), **own}))
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


def _choose_titles(results: Mapping[Path, str]) -> dict[Path, str]:
    """Chooses what files beside results are called by clip, before their own suffixes."""
    titles = {clip: _name_title(Path(name)) for clip, name in results.items()}
    counts = Counter(title.casefold() for title in titles.values())
    return {
        clip: title if counts[title.casefold()] == 1 else _name_whole(Path(results[clip]))
        for clip, title in titles.items()
    }


def _name_whole(name: Path) -> str:
    """Names a result with its suffix, without the place for numbers of pictures."""
    from recaster.media.sequence_name import SequenceName

    sequence = SequenceName.parse(name)
    return name.name if sequence is None else sequence.list_path.stem


def _name_title(name: Path) -> str:
    """Names a result without its suffix, and without the place for numbers of pictures."""
    from recaster.media.sequence_name import SequenceName

    sequence = SequenceName.parse(name)
    return name.stem if sequence is None else sequence.title


def _is_still(path: Path, options: Options) -> bool:
    """Tells whether one picture is to be made of one: it is said, or the result is named so."""
    from recaster.media.sequence_name import SequenceName

    if options.stills:
        return path.is_file()
    is_named_so = options.out.suffix.lower() in PICTURE_SUFFIXES and SequenceName.parse(options.out) is None
    return is_named_so and options.preview is None and _is_picture(path)


def _is_lone(path: Path, options: Options) -> bool:
    """Tells whether a picture's result in a folder is one, too, called as it is."""
    return _is_picture(path) and options.codec in (None, *PICTURE_CODECS)


def _is_picture(path: Path) -> bool:
    is_named_so = path.suffix.lower() in (*PICTURE_SUFFIXES, *UNREADABLE_STILLS)
    return is_named_so and not path.name.startswith(".") and path.is_file()


def list_clips(paths: Sequence[Path], *, are_stills: bool = False) -> list[Path]:
    """Lists the clips that files and folders stand for, each once; a folder for those directly in it.

    A folder without one stands for the sequences of pictures in it, else for those in the folders in it, else
    for itself. Sequences are listed by their patterns, pictures that are stills by their own names.
    """
    clips: dict[Path, Path] = {}
    for path in paths:
        if are_stills:
            listed = sorted(filter(_is_picture, path.iterdir())) if path.is_dir() else [path]
        else:
            listed = _list_folder(path) if path.is_dir() else [_find_pattern(path)]
        for clip in listed:
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


def _name_results(clips: Sequence[Path], codec: str | None, stills: Sequence[Path] = ()) -> dict[Path, str]:
    """Names the results of clips, in the clip's container where that can hold the codec.

    Those of stills are called as these are.

    Those of sequences are called as the pictures without their numbers, with the folder's name before that
    where several would be called alike; as sequences as the clip, or by a pattern.
    """
    from recaster.media.sequence_name import clip_exists, find_sequence

    names = {}
    for clip in stills:
        suffixes = (clip.suffix,) if codec is None else SUFFIXES[codec]
        names[clip] = clip.name if clip.suffix.lower() in suffixes else f"{clip.stem}{suffixes[0]}"
    there = [clip for clip in clips if clip_exists(clip)]
    sequences = {clip: name for clip in there if (name := find_sequence(clip)) is not None}
    counts = Counter(name.title for name in sequences.values())
    for clip in (clip for clip in clips if clip not in names):
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
    numbered = [member for member in options.members if member.selector.is_of_one_clip]
    if numbered and len(clips) > 1:
        faults.append(UsageError(f"{numbered[0].name}: {NUMBERED}"))
    folders = {
        "-o": options.out,
        "--matte": options.matte,
        "--report": options.report,
        "--overlay": options.overlay,
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
    for flag in ("-o", "--matte", "--overlay", "--layers-out"):
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
    pictures = [member.selector.picture for member in options.members]
    read = (*(task.clip for task in tasks), options.person, *pictures)
    inputs = {_place(path) for path in read if path is not None}
    outputs = [
        (task.clip, path)
        for task in tasks
        for path in (*_list_written(task), *_list_beside(task))
        if path is not None
    ]
    counts = Counter(_place(path) for _, path in outputs)
    faults: list[RecasterError] = []
    for place, count in counts.items():
        clips = [clip for clip, path in outputs if _place(path) == place]
        path = next(path for _, path in outputs if _place(path) == place)
        if count > 1:
            names = ", ".join(map(str, dict.fromkeys(clips)))
            instead = "rename one of them" if len({*clips}) > 1 else "choose another folder for one of them"
            faults.append(UsageError(f"{path}: would be written {count} times, for {names}; {instead}"))
        elif place in inputs:
            faults.append(UsageError(f"{path}: would replace what is read; choose another folder"))
    return faults


def refuse_replacing(task: Options) -> None:
    """Refuses to write where the command reads, for a swap here and at an engine (UsageError)."""
    from recaster.media.sequence_name import resolve_place, would_replace

    read = _list_read(task)
    for path in filter(None, (*_list_written(task), *_list_beside(task))):
        for what, place in read:
            if would_replace(path, place):
                raise UsageError(f"{path}: would replace {what}; choose another name")
            if place.is_dir() and resolve_place(path).is_relative_to(place.resolve()):
                raise UsageError(f"{path}: would lie in {what}; choose another folder")


def _list_read(task: Options) -> list[tuple[str, Path]]:
    """Lists what a command reads, by what it is."""
    from recaster.models.model_folder import ModelFolder
    from recaster.settings.look_file import find_look

    named = [
        ("the clip", None if task.clip.is_dir() else task.clip),
        *(("a picture of the source", picture) for picture in task.pictures),
        ("the source", task.source),
        ("the model", task.model if task.model is not None and ModelFolder(task.model).exists() else None),
        ("the picture of the person", task.person),
        *((f"the {name.replace('_', '-')} mask", getattr(task, name)) for name in MASK_KINDS),
        ("the corrections", task.corrections),
        ("the look", None if task.look is None else find_look(task.look)),
        ("the cast", task.cast),
    ]
    for member in task.members:
        named.append((f"the source of {member.name}", member.source))
        named.append((f"the picture of {member.name}", member.selector.picture))
        named.append((f"the look of {member.name}", member.look_file))
    return [(what, path) for what, path in named if path is not None]


def _list_written(task: Options) -> tuple[Path | None, ...]:
    return task.out, task.matte, task.report, task.overlay, task.layers_out


def _list_beside(task: Options) -> list[Path]:
    """Lists what lies beside the results of a task: lists of pictures, manifests, mattes, layers' files."""
    from recaster.swapping.request import list_side_layers
    from recaster.swapping.sequence_list import list_marks

    paths = () if task.no_manifest else (task.out, task.layers_out)
    marks = [mark for path in paths if path is not None for mark in list_marks(path).values()]
    layers = list_side_layers(task.layers, task.layers_out)
    return [*marks, *layers.values(), *list_member_mattes(task).values()]


def _place(path: Path) -> str:
    from recaster.media.sequence_name import resolve_place

    return str(resolve_place(path)).casefold()
