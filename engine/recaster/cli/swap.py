"""``recaster swap``: put a face on, through a whole clip."""

from __future__ import annotations

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

PREVIEW = """write only this frame, as a picture, to OUT. Quick, because only its neighbours are
looked at: with several people in the clip name one, as its main person may be another here"""


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
    parser.add_argument("--range", help="frames 100-200 or times 3s-5.5s; the whole clip by default")
    parser.add_argument("--preview", type=int, metavar="FRAME", help=PREVIEW)
    parser.add_argument("--matte", type=Path, metavar="OUT", help="also write the mask to a clip, as grey")
    _add_people(parser)
    _add_look(parser)
    _add_encoding(parser)
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto", help="what computes")
    parser.add_argument("--threads", type=int, help="CPU threads to use; all by default")


def _add_people(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("whose face", "the clip's main person by default")
    whose = group.add_mutually_exclusive_group()
    whose.add_argument("--person", type=Path, metavar="IMAGE", help="the person in this picture")
    whose.add_argument("--track", type=int, metavar="N", help="the person in this track of the analysis")
    whose.add_argument("--all", action="store_true", help="everyone")
    group.add_argument("--detector", help="what finds faces (yunet, dlib-cnn, dlib-hog)")
    group.add_argument("--landmarker", help="what finds their points (mesh, dlib-68)")
    group.add_argument("--min-face", type=int, metavar="PIXELS", help="leave out smaller faces")


def _add_look(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("look", "lengths are shares of the face's size")
    group.add_argument("--smoothing", help="over time: none, ema, kalman, zero-phase (default)")
    group.add_argument("--mask", help="learned (by the model; default), hull (the face's outline), box")
    group.add_argument("--feather", type=float, help="width of the mask's soft edge (default 0.12)")
    group.add_argument("--erode", type=float, help="how far the mask's edge is moved inwards (default 0)")
    group.add_argument("--scale", type=float, help="enlarge the mask about the face's middle (default 1)")
    group.add_argument("--colour", help="take on the target's colours: none, mean (default), hist")


def _add_encoding(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("encoding")
    group.add_argument("--codec", help="video codec")
    group.add_argument("--quality", type=int, help="constant quality; lower is better and larger")
    group.add_argument("--preset", help="the encoder's speed, ultrafast to veryslow")
    group.add_argument("--pixel-format", help="as ffmpeg names it; chosen by the clip by default")


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
    lines = [f"warning: {text}" for text in result.warnings]
    lines.append(
        f"{result.out}: {result.frames} frames, {result.swapped} with a swapped face ({tracks}), "
        f"{result.without_face} without one and left as they are"
    )
    if result.resumed:
        lines.append(f"{result.resumed} frames were there already from an earlier run")
    times = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result.seconds.items())
    lines.append(f"seconds: {times}; {device}")
    return lines


def _device(options: argparse.Namespace) -> str:
    """Choose what computes; returns a note on it. Without a network there is no need for TensorFlow."""
    if options.threads is not None:
        import cv2

        cv2.setNumThreads(options.threads)
    if options.model is None and options.device == "auto":
        return "on the CPU: there is no network to run"
    from recaster.networks.device import select_device

    return select_device(options.device, options.threads).note
