"""Findings of checks, as ``recaster doctor`` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from recaster.cli.display import say, say_json
from recaster.errors import RecasterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INSTALL: Final = "pip install 'recaster[cpu]'"


class Finding(NamedTuple):
    """The result of a check: whether all is well, what was seen, and how to mend it."""

    ok: bool
    says: str
    mend: str = ""


def try_check(check: Callable[[], Finding]) -> Finding:
    """Checks; an error is a finding."""
    try:
        return check()
    except ImportError as error:
        return Finding(False, str(error), f"{INSTALL} (or [gpu])")
    except RecasterError as error:
        return find_error(error)


def find_error(error: RecasterError) -> Finding:
    """Makes a finding of an error, whose message says what to do."""
    return Finding(False, str(error), "do as it says, and look again")


def print_findings(findings: Mapping[str, Finding], *, as_json: bool) -> None:
    """Prints findings by what was looked at, as lines or as JSON."""
    if as_json:
        say_json([{"what": what, **finding._asdict()} for what, finding in findings.items()])
        return
    for what, finding in findings.items():
        say(f"{'ok  ' if finding.ok else 'BAD '} {what:<12} {finding.says}")
        if not finding.ok:
            say(f"     {'':<12} -> {finding.mend}")
