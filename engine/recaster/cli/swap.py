"""``recaster swap``: put a face on, through a whole clip."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter

if TYPE_CHECKING:
    import argparse

    from recaster.media.types import ClipInfo
    from recaster.swapping.settings import SwapResult, SwapSettings

DESCRIPTION = """Swap a face in a clip. The result keeps the clip's sound, size and timing. Parts are kept in
OUT.parts/ until it is whole: run the same command again after an interruption, and it goes on. An OUT
that exists is replaced when the new one is whole, not before."""

PREVIEW = """write only this frame, as a picture, to OUT. Of a clip that was swapped before it is the very
frame; otherwise only its neighbours are looked at, so that with several people you had better name one"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add this command's parser."""
    parser = commands.add_parser(
        "swap", parents=[common], help="swap a face in a clip", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument("clip", type=Path, metavar="CLIP", help="the clip with the target's performance")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("-m", "--model", type=Path, help="a trained model")
    source.add_argument(
        "--source", type=Path, metavar="FACESET", help="swap without training, from the source's faceset"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="the clip to write")
    parser.add_argument("--range", help="frames 100-200 or times 3s-5.5s (default: the whole clip)")
    parser.add_argument("--preview", type=int, metavar="FRAME", help=PREVIEW)
    parser.add_argument("--matte", type=Path, metavar="OUT", help="also write the mask to a clip, as grey")
    _add_people(parser)
    _add_look(parser)
    _add_encoding(parser)
    parser.add_argument(
        "--device", choices=("auto", "cpu", "gpu"), default="auto", help="what computes (default: auto)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all cores)")


def _add_people(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("whose face (default: the clip's main person)")
    whose = group.add_mutually_exclusive_group()
    whose.add_argument("--person", type=Path, metavar="IMAGE", help="the person in this picture")
    whose.add_argument(
        "--track", type=int, metavar="N", help="the person in this track; one that there isn't lists them"
    )
    whose.add_argument("--all", action="store_true", help="everyone")
    group.add_argument(
        "--detector", choices=("yunet", "dlib-cnn", "dlib-hog"), help="what finds faces (default: yunet)"
    )
    group.add_argument(
        "--landmarker",
        choices=("mesh", "dlib-68"),
        help="what finds their points (default: mesh; dlib-68 is not for commercial use)",
    )
    group.add_argument(
        "--min-face", type=int, metavar="PX", help="width of the smallest face to look for (default: 40)"
    )


def _add_look(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("look", "lengths are shares of the face's size")
    group.add_argument(
        "--smoothing",
        choices=("none", "ema", "kalman", "zero-phase"),
        help="of the target's motion over time (default: zero-phase)",
    )
    group.add_argument(
        "--mask",
        choices=("learned", "hull", "box"),
        help="the model's own, the face's outline, or the crop (default: learned)",
    )
    group.add_argument("--feather", type=float, metavar="X", help="width of the soft edge (default: 0.12)")
    group.add_argument("--erode", type=float, metavar="X", help="move the edge inwards (default: 0)")
    group.add_argument(
        "--scale", type=float, metavar="X", help="enlarge the mask about the face's middle (default: 1)"
    )
    group.add_argument(
        "--colour",
        choices=("none", "mean", "hist"),
        help="how the target's colours are taken on (default: mean)",
    )


def _add_encoding(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("encoding")
    group.add_argument("--codec", choices=("h264", "hevc", "prores"), help="video codec (default: h264)")
    group.add_argument(
        "--quality",
        type=int,
        metavar="N",
        help="constant quality; lower is better and larger (default: 18)",
    )
    group.add_argument("--preset", help="the encoder's speed, ultrafast to veryslow (default: medium)")
    group.add_argument(
        "--pixel-format", metavar="FORMAT", help="as ffmpeg names it (default: as the clip needs)"
    )


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    from recaster.media.probe import probe
    from recaster.swapping.load import load_swapper

    info = probe(options.clip)
    settings = swap_settings(options, info)
    device = _device(options)
    swapper = load_swapper(options.model, options.source)
    report = reporter(options)
    if options.preview is not None:
        from recaster.swapping.preview import preview_frame

        result = preview_frame(options.clip, options.out, options.preview, swapper, settings, report)
    else:
        from recaster.swapping.pipeline import swap_clip

        result = swap_clip(options.clip, options.out, swapper, settings, report)
    for warning in result.warnings:
        print(f"recaster swap: warning: {warning}", file=sys.stderr)
    if not options.quiet:
        print(*summary(result, device), sep="\n")


def swap_settings(options: argparse.Namespace, info: ClipInfo) -> SwapSettings:
    """What the options say; whatever isn't given is left at the library's own defaults.

    Raises:
        UsageError: a value that there isn't.
    """
    from recaster.faces.analysis import AnalysisSettings
    from recaster.faces.smoothing import Smoothing
    from recaster.media.ranges import parse_range
    from recaster.media.writer import WriterOptions
    from recaster.swapping.masks import MaskSettings
    from recaster.swapping.settings import SwapSettings

    return SwapSettings(
        frames=None if options.range is None else parse_range(options.range, info),
        person=options.person,
        track=options.track,
        everyone=options.all,
        smoothing=Smoothing(**_given(name=options.smoothing)),
        mask=MaskSettings(
            **_given(kind=options.mask, feather=options.feather, erode=options.erode, scale=options.scale)
        ),
        analysis=AnalysisSettings(
            **_given(detector=options.detector, landmarker=options.landmarker, min_face=options.min_face)
        ),
        writer=WriterOptions(
            **_given(
                codec=options.codec,
                quality=options.quality,
                preset=options.preset,
                pixel_format=options.pixel_format,
            )
        ),
        matte=options.matte,
        **_given(colour=options.colour),
    )


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def summary(result: SwapResult, device: str) -> list[str]:
    """The lines that end a swap."""
    tracks = f"{len(result.tracks)} track" + ("s" if len(result.tracks) != 1 else "")
    frames = f"{result.frames} frame" + ("s" if result.frames != 1 else "")
    swapped = f"{result.swapped} with a swapped face ({tracks}), {result.without_face} without one"
    lines = [f"{result.out}: {frames}, {swapped} and left as they are"]
    if result.resumed:
        lines.append(f"{result.resumed} frames were there already from an earlier run")
    times = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result.seconds.items())
    lines.append(f"seconds: {times}; {device}")
    return lines


def _device(options: argparse.Namespace) -> str:
    """Choose what computes; returns a note on it. Without a network there is no need for TensorFlow."""
    if options.threads is not None:
        import cv2

        from recaster.errors import UsageError

        if options.threads < 1:
            raise UsageError(f"{options.threads} threads are none; give at least 1")
        cv2.setNumThreads(options.threads)
    if options.model is None and options.device == "auto":
        return "on the CPU: there is no network to run"
    from recaster.networks.device import select_device

    return select_device(options.device, options.threads).note
