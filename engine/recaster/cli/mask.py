"""``recaster mask``: frames to correct, and a mask learned of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.cli.display import reporter, say
from recaster.cli.flags import add_options, number, read_settings
from recaster.cli.parsers import Commands, Options, add_out, add_path
from recaster.settings.detection import AnalysisSettings
from recaster.settings.mask import MaskExportSettings, MaskLearnSettings
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import FRAME_BOUNDS, SwapSettings

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from recaster.operations.mask import MaskRequest

DESCRIPTION = """Learn what is in front of a face (a hand, a microphone, glasses) from a few frames that you
correct by hand. Export some, with what is found by itself painted over them in magenta; paint what is in
front in magenta (255, 0, 255), and whatever isn't in any other colour; learn. The mask that comes of it
follows the face, and goes to recaster swap --keep-out. docs/control.md has an example."""


def add_mask(commands: Commands) -> None:
    """Adds this command's parser."""
    actions = commands.add_group(
        "mask", help="learn a mask of a few frames corrected by hand", description=DESCRIPTION
    )
    text = "write frames to correct, with the automatic mask painted over them"
    export = actions.add("export", _export, text, f"{text[0].upper()}{text[1:]}.")
    add_path(export, "clip", "CLIP")
    add_out(export, "FOLDER", "the folder to write to")
    export.add_argument(
        "--frames", type=_read_frames, default=(), metavar="N,N,...", help="which (default: some, spread)"
    )
    add_options(export, MaskExportSettings, defaults=True)
    _add_shared_options(export)
    text = "learn the mask of all frames from corrected ones"
    description = f"""{text[0].upper()}{text[1:]}. FOLDER holds pictures named by the frames' numbers
(0120.png), as --preview counts: exported frames painted over in magenta, masks in which white is in front, or
transparent pictures whose alpha is that. Three to ten frames do, of different places and shapes of what is in
front."""
    learn = actions.add("learn", _learn, text, description)
    add_path(learn, "clip", "CLIP")
    add_path(learn, "folder", "FOLDER")
    add_out(learn, "MASK", "the mask to write: mask.mkv, or mask.%%04d.png")
    add_options(learn, MaskLearnSettings, defaults=True)
    _add_shared_options(learn)


def _add_shared_options(parser: ArgumentParser) -> None:
    add_options(parser, SwapSettings, "frames")
    people = parser.add_argument_group("whose face (default: the clip's main person)")
    add_options(people.add_mutually_exclusive_group(), SwapSettings, "track", "everyone")
    add_options(people, AnalysisSettings)
    add_options(parser.add_argument_group("the clip, where its files don't say it"), ReadOptions)


def _read_frames(text: str) -> tuple[int, ...]:
    return tuple(int(number(FRAME_BOUNDS)(part)) for part in text.split(","))


def _export(options: Options) -> None:
    from recaster.operations.mask import export_frames

    request = _request_of(options)
    written = export_frames(request, options.out, options.frames, options.count, reporter(options))
    say(f"{options.out}: {len(written)} frames to correct: {', '.join(path.name for path in written)}")


def _learn(options: Options) -> None:
    from recaster.operations.mask import learn_mask

    request = _request_of(options)
    settings = read_settings(MaskLearnSettings, options)
    count = learn_mask(request, options.folder, options.out, settings, reporter(options))
    say(f"{options.out}: a mask for {len(request.frames)} frames, learned of {count}")


def _request_of(options: Options) -> MaskRequest:
    from recaster.media.clip import Clip
    from recaster.media.ranges import parse_range
    from recaster.operations.mask import MaskRequest

    clip = Clip(options.clip, read_settings(ReadOptions, options))
    chosen = {
        name: getattr(options, name)
        for name in ("detector", "landmarker", "min_face")
        if getattr(options, name) is not None
    }
    frames = None if options.range is None else parse_range(options.range, clip.info)
    settings = SwapSettings(
        frames=frames, track=options.track, everyone=options.all, analysis=AnalysisSettings(**chosen)
    )
    return MaskRequest(clip, settings)
