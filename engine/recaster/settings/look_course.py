"""The course of a look along a clip: changes in ranges of frames, and keys with values between them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from recaster.errors import UsageError
from recaster.settings.look import LookSettings
from recaster.settings.options import find_options, format_value, parse_value, with_values
from recaster.settings.positions import check_positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.settings.options import Option

CHANGE_HELP: Final = (
    "change the look along the clip: 120-180:feather=.1,erode=.02 in these frames or times; "
    "100:feather=0 and 124:feather=.2 are keys, with values in between (100~:feather=0 leaves its key "
    "smoothly); again for more"
)
SMOOTH_SIGN: Final = "~"
MAX_CHANGES: Final = 1000
"""Of one clip; more is a mistake, or an attack."""
LOOK_OPTIONS: Final = find_options(LookSettings)
"""Options of a look by their names, each of which may change along a clip."""


@dataclass(frozen=True)
class WrittenChange:
    """A change as it is written, before its clip is known.

    Attributes:
        frames: a range of frames or times, in which the values hold, or one of them: a key.
        values: by the options' names.
        is_smooth: whether a key is left, and the next one reached, without a jerk.
    """

    frames: str
    values: Mapping[str, Any]
    is_smooth: bool = False

    @property
    def is_key(self) -> bool:
        """True where it is at one frame only, and values go on to the next key."""
        return "-" not in self.frames

    def __str__(self) -> str:
        values = ",".join(f"{name}={format_value(value)}" for name, value in self.values.items())
        return f"{self.frames}{SMOOTH_SIGN if self.is_smooth else ''}:{values}"


@dataclass(frozen=True)
class LookChange:
    """A change in frames of a clip; a key has one frame."""

    frames: range
    values: tuple[tuple[str, Any], ...]
    is_key: bool = False
    is_smooth: bool = False


def parse_change(text: str) -> WrittenChange:
    """Parses "FRAMES:NAME=VALUE,NAME=VALUE" (UsageError, which names the part that is wrong)."""
    head, equals, _ = text.partition("=")
    frames, colon, _ = head.rpartition(":")
    if not equals or not colon or not frames.strip() or "," in head:
        raise UsageError(f'"{text}" is no change of the look: write FRAMES:NAME=VALUE, as 120-180:feather=.1')
    texts: dict[str, str] = {}
    for part in text[len(frames) + 1 :].split(","):
        name, is_named, value = (each.strip() for each in part.partition("="))
        if is_named and name in texts:
            raise UsageError(f'"{text}": {name} is said twice')
        if is_named:
            texts[name] = value
        else:  # names of a list have commas between them, too
            last = next(reversed(texts))
            texts[last] += f",{part.strip()}"
    is_smooth = frames.endswith(SMOOTH_SIGN)
    return make_change(frames.removesuffix(SMOOTH_SIGN).strip(), texts, is_smooth=is_smooth)


def make_change(frames: str, texts: Mapping[str, str], *, is_smooth: bool = False) -> WrittenChange:
    """Makes a change of texts, checked as far as can be without its clip (UsageError)."""
    where = f'change of the look at "{frames}"'
    try:
        check_positions(frames)
        values = read_values(texts)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    change = WrittenChange(frames, values, is_smooth)
    if not values:
        raise UsageError(f"{where}: names nothing that changes")
    if is_smooth and not change.is_key:
        raise UsageError(f"{where}: smooth ({SMOOTH_SIGN}) is for keys, which are at one frame")
    return change


def read_values(texts: Mapping[str, str]) -> dict[str, Any]:
    """Reads values of a look's options, by names as the command line or requests have them (UsageError)."""
    options = {name: find_option(name) for name in texts}
    if len({each.wire for each in options.values()}) < len(options):
        raise UsageError(f"an option is said twice, in two spellings: {', '.join(texts)}")
    values = {each.wire: parse_value(each, texts[name]) for name, each in options.items()}
    with_values(LookSettings(), values)
    return values


def find_option(name: str) -> Option:
    """Finds an option of a look by its name (UsageError, which tells what there is)."""
    found = LOOK_OPTIONS.get(name.replace("-", "_"))
    if found is None:
        names = ", ".join(each.replace("_", "-") for each in LOOK_OPTIONS)
        raise UsageError(f"{name!r} can't change along a clip, as these of the look can: {names}")
    return found


def check_change_count(count: int) -> None:
    """Refuses more changes than a clip may have (UsageError)."""
    if count > MAX_CHANGES:
        raise UsageError(
            f"the look changes {count:,} times along the clip; it may {MAX_CHANGES:,} times: leave some out"
        )


class _Key(NamedTuple):
    frame: int
    value: Any
    is_smooth: bool


@dataclass(frozen=True)
class LookCourse:
    """The look of a face in every frame of a clip.

    Before the first key of an option its value holds, after the last one that one's; numbers go evenly, or
    smoothly, from key to key, all else holds until the next. A range holds against keys, and a later range
    against an earlier one.
    """

    base: LookSettings = field(default_factory=LookSettings)
    changes: tuple[LookChange, ...] = ()

    def __post_init__(self) -> None:
        check_change_count(len(self.changes))
        for name, keys in self._keys.items():
            if len(keys) == 1:
                raise UsageError(
                    f"{name} has one key only, at frame {keys[0].frame}: give it another one, or a range, "
                    f"{keys[0].frame}-{keys[0].frame} for this frame alone"
                )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the options that change."""
        return tuple(dict.fromkeys(name for change in self.changes for name, _ in change.values))

    @cached_property
    def looks(self) -> tuple[LookSettings, ...]:
        """Looks that together have every choice that any frame's look has."""
        return (self.base, *(_change_look(self.base, change.values) for change in self.changes))

    def at(self, frame: int) -> LookSettings:
        """The look in a frame, by its index in the clip."""
        if not self.changes:
            return self.base
        values = {name: _interpolate(keys, frame) for name, keys in self._keys.items()}
        for change in self._ranges:
            if frame in change.frames:
                values.update(change.values)
        return _change_look(self.base, tuple(values.items()))

    @cached_property
    def _keys(self) -> dict[str, list[_Key]]:
        """Keys of each option that has some, by ascending frame; the last of several at one frame."""
        keys: dict[str, dict[int, _Key]] = {}
        for change in self.changes:
            for name, value in change.values if change.is_key else ():
                frame = change.frames.start
                keys.setdefault(name, {})[frame] = _Key(frame, value, change.is_smooth)
        return {name: sorted(each.values(), key=lambda key: key.frame) for name, each in keys.items()}

    @cached_property
    def _ranges(self) -> list[LookChange]:
        return [change for change in self.changes if not change.is_key]


@lru_cache(maxsize=4096)  # every frame of a clip asks for its look and those around it
def _change_look(base: LookSettings, values: tuple[tuple[str, Any], ...]) -> LookSettings:
    return with_values(base, dict(values))


PLAIN_COURSE: Final = LookCourse()


def value_in(look: LookSettings, name: str) -> Any:
    """The value of an option in a look, by its name."""
    found: Any = look
    for part in LOOK_OPTIONS[name].path:
        found = getattr(found, part)
    return found


def _interpolate(keys: list[_Key], frame: int) -> Any:
    """The value that keys give a frame."""
    place = bisect_right(keys, frame, key=lambda key: key.frame)
    before = keys[max(place - 1, 0)]
    after = keys[min(place, len(keys) - 1)]
    is_number = isinstance(before.value, int | float) and not isinstance(before.value, bool)
    if before.frame == after.frame or frame <= before.frame or not is_number:
        return before.value
    share = (frame - before.frame) / (after.frame - before.frame)
    if before.is_smooth:
        share *= share * (3 - 2 * share)
    value = before.value + share * (after.value - before.value)
    return value if isinstance(before.value, float) else round(value)
