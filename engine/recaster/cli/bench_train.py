"""``recaster bench train``: quality over training time, for several variants."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, NoReturn

from recaster.benchmarks.training_variants import AT_ONCE, Variant, split_variant
from recaster.cli.display import reporter, say, say_note
from recaster.cli.flags import add_hyperparameters, add_option, add_options, hyperparameters_of
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_switch
from recaster.errors import UsageError
from recaster.models.presets import overridden, preset
from recaster.settings.devices import DeviceSettings
from recaster.settings.evaluate import EvaluateSettings
from recaster.settings.swap import SwapSettings
from recaster.settings.train import Schedule, TrainSettings

if TYPE_CHECKING:
    from recaster.benchmarks.training_settings import BenchSettings

DESCRIPTION = f"""Train several recipes from scratch, each in a process of its own, swap ORIGINAL with each
at every mark, and judge the swaps. A VARIANT is the name of a preset, or in quotes
"NAME: PRESET --flag value ..." with the ingredients of recaster train, or {AT_ONCE}: the swap without
training. A mark before the last is a model whose learning rate has not fallen yet; --separate trains
anew for each mark. Writes bench.json, bench.md, bench.png, and a folder for each variant, whose at-*
folders are models that recaster swap takes. Run the same command again to go on after a stop."""

USAGE = (
    "recaster bench train ORIGINAL --source FACESET [--target FACESET] --minutes M [M ...] -o OUT "
    "[options] VARIANT [VARIANT ...]"
)


def add(commands: Commands) -> None:
    """Adds this command's parser."""
    text = "quality over training time, for several recipes"
    parser = commands.add("train", run, text, DESCRIPTION, usage=USAGE)
    add_path(parser, "original", "ORIGINAL", "the clip to swap")
    parser.add_argument("variants", nargs="+", metavar="VARIANT", help="what to compare")
    add_path(parser, "--source", "FACESET", "the face that is put on", required=True)
    add_path(parser, "--target", "FACESET", "the performer (pairwise presets are trained on both)")
    add_option(parser, EvaluateSettings, "gallery", help="as in recaster evaluate")
    add_options(parser, EvaluateSettings, "truth")
    add_options(parser, SwapSettings, "frames")
    marks = parser.add_mutually_exclusive_group(required=True)
    add_option(marks, Schedule, "minutes", nargs="+", metavar="M", help="minutes of training to judge at")
    add_option(marks, Schedule, "steps", nargs="+", metavar="N", help="steps of training to judge at")
    add_switch(parser, "--separate", "a training of its own for every mark")
    add_out(parser, "OUT", "folder for all of it")
    add_option(parser, TrainSettings, "seed", default=0)
    add_option(parser, DeviceSettings, "threads", metavar="N")
    add_options(parser, DeviceSettings, "device", defaults=True)
    add_option(parser, TrainSettings, "vggface_weights", help="for variants with --perceptual vggface")


def run(options: Options) -> None:
    """Trains, judges, and prints the table."""
    variants = [variant(text) for text in options.variants]
    settings = bench_settings(options)
    from recaster.benchmarks.training import bench
    from recaster.benchmarks.training_results import as_markdown

    try:
        rows = bench(variants, settings, options.out, reporter(options))
    except KeyboardInterrupt:
        say_note(options, f"{options.out}: run the same command again to go on")
        raise
    say(*as_markdown(rows).splitlines())
    say_note(options, f"{options.out / 'bench.png'}: the same as a picture")


def variant(text: str) -> Variant:
    """Reads ``"name: preset --flag value"``; the flags are those of ``recaster train``.

    Raises:
        UsageError: it can't be read.
    """
    name, base, flags = split_variant(text)
    if base == AT_ONCE:
        return Variant(name, flags=flags)
    parser = _Strict(prog=name, add_help=False, allow_abbrev=False)
    add_hyperparameters(parser)
    try:
        words = shlex.split(flags)
    except ValueError as error:
        raise UsageError(f"variant {name}: {error}") from None
    overrides = hyperparameters_of(parser.parse_args(words))
    return Variant(name, overridden(preset(base), **overrides), base, shlex.join(words))


class _Strict(argparse.ArgumentParser):
    """Raises what would end the program, with the variant's name."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"variant {self.prog}: {message}")


def bench_settings(options: Options) -> BenchSettings:
    """Reads the options that hold for all variants."""
    from recaster.benchmarks.training_settings import BenchSettings
    from recaster.media.probe import probe
    from recaster.media.ranges import parse_range

    return BenchSettings(
        original=options.original,
        source=options.source,
        marks=tuple(map(float, options.minutes or options.steps)),
        unit="minutes" if options.minutes else "steps",
        target=options.target,
        gallery=tuple(options.gallery),
        truth=options.truth,
        frames=None if options.range is None else parse_range(options.range, probe(options.original)),
        separate=options.separate,
        seed=options.seed,
        device=options.device,
        threads=options.threads,
        vggface_weights=options.vggface_weights,
    )
