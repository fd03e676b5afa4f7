"""What came of an extraction, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.faces.embedding import SAME_PERSON
from recaster.facesets.extraction import describe_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.facesets.faceset_info import FacesetInfo, SourceInfo

SHOWN_INPUTS: Final = 20


def summary(info: FacesetInfo) -> list[str]:
    """What a faceset has from where, and what deserves a look, as lines."""
    lines = [
        f"{source.name}: {source.faces} faces ({describe_counts(source.counts)})"
        for source in info.sources[:SHOWN_INPUTS]
    ]
    if len(info.sources) > SHOWN_INPUTS:
        lines.append(f"... and {len(info.sources) - SHOWN_INPUTS} more inputs; see: recaster faceset info")
    return lines + _strangers(info.sources)


def total(info: FacesetInfo) -> str:
    """How many faces there are, in words."""
    dropped = info.faces - info.kept
    return f"{info.kept} faces" + (f", {dropped} dropped" if dropped else "")


def _strangers(sources: Sequence[SourceInfo]) -> list[str]:
    """A warning where inputs show someone else than most of the set."""
    others = [
        source.name for source in sources if source.distance is not None and source.distance > SAME_PERSON
    ]
    if not others:
        return []
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return [
        f"warning: someone else than in most of the set seems to be in {named}; see: recaster faceset clean"
    ]
