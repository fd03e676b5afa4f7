"""``recaster extract``: take the faces of one person from clips and images into a faceset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from recaster.facesets.info import FacesetInfo, SourceInfo

EXAMPLES = """examples:
  recaster extract interview.mp4 -o faces/anna
  recaster extract party.mp4 more_photos/ -o faces/anna --person anna.jpg --every 5
Run the same command again to go on after a stop; add further inputs to the same faceset at any time."""

SHOWN_INPUTS = 20


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    import argparse

    parser = commands.add_parser(
        "extract",
        parents=[common],
        help="take the faces of one person from clips and images",
        description="Take the faces of one person from clips and images into a faceset.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="CLIP_OR_FOLDER",
        help="clips, images, or folders of images (those directly inside)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FACESET", help="folder of the faceset"
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--person",
        type=Path,
        metavar="IMAGE",
        help="picture of the person (default: each input's main person)",
    )
    who.add_argument("--all", action="store_true", help="take everybody")
    add_taking(parser)
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="take every N-th frame (default: 1)"
    )
    parser.add_argument(
        "--range",
        metavar="RANGE",
        help="part of each clip: frames (100-200) or times (3s-5.5s), ends may be open (default: all)",
    )
    parser.add_argument(
        "--note", default="", help="whose faces these are, kept with a new faceset (default: none)"
    )
    parser.set_defaults(run=run)


def add_taking(parser: argparse.ArgumentParser) -> None:
    """Add the options on which faces are taken and how they are cut, shared with import."""
    parser.add_argument(
        "--detector",
        choices=("yunet", "dlib-cnn", "dlib-hog"),
        default="yunet",
        help="face detector (default: yunet; dlib-cnn is the seed project's, seconds a frame without a GPU)",
    )
    parser.add_argument(
        "--min-face",
        type=int,
        default=40,
        metavar="PX",
        help="width of the smallest face to look for (default: 40)",
    )
    parser.add_argument(
        "--min-area",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="leave out faces whose box is a smaller share of the frame; 0.02 is one fiftieth (default: 0)",
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="PX",
        help="side of the crops (default: the faceset's own, 512 for a new one)",
    )


def run(options: argparse.Namespace) -> None:
    """Extract and say what became of every input."""
    from recaster.facesets.extract import ExtractSettings, extract
    from recaster.facesets.info import describe

    settings = ExtractSettings(
        person=options.person,
        everyone=options.all,
        every=options.every,
        frames=options.range,
        detector=options.detector,
        min_face=options.min_face,
        min_area=options.min_area,
        size=options.size,
        identity=options.note,
    )
    settings.check()
    _warn(options.inputs)
    faceset = extract(options.inputs, options.out, settings, reporter(options))
    print_summary(describe(faceset))


def _warn(inputs: Sequence[Path]) -> None:
    """Say what is wrong with clips that can be used all the same, before the work begins."""
    from recaster.facesets.inputs import find_inputs
    from recaster.media.probe import probe

    for file in find_inputs(inputs):
        for warning in probe(file.path).warnings if file.kind == "clip" else ():
            print(f"recaster extract: warning: {file.path}: {warning}", file=sys.stderr)


def print_summary(info: FacesetInfo) -> None:
    """Print what a faceset has from where, and what deserves a look."""
    for line in summary(info):
        print(line)


def summary(info: FacesetInfo) -> list[str]:
    """What a faceset has from where, and what deserves a look, as lines."""
    from recaster.facesets.extract import describe_counts

    lines = [
        f"{source.name}: {source.faces} faces ({describe_counts(source.counts)})"
        for source in info.sources[:SHOWN_INPUTS]
    ]
    if len(info.sources) > SHOWN_INPUTS:
        lines.append(f"... and {len(info.sources) - SHOWN_INPUTS} more inputs; see: recaster faceset info")
    lines += _strangers(info.sources)
    dropped = info.faces - info.kept
    lines.append(f"{info.folder}: {info.kept} faces" + (f", {dropped} dropped" if dropped else ""))
    return lines


def _strangers(sources: Sequence[SourceInfo]) -> list[str]:
    """A warning where inputs show someone else than most of the set."""
    from recaster.faces.identity import SAME_PERSON

    others = [
        source.name for source in sources if source.distance is not None and source.distance > SAME_PERSON
    ]
    if not others:
        return []
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return [
        f"warning: someone else than in most of the set seems to be in {named}; see: recaster faceset clean"
    ]
