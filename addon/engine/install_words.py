# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of an installation in an editor's words; those of its programs are for their makers."""

from __future__ import annotations

import re

from ..translations import translate

BUSY = "Another Blender installs or removes an engine in this folder: wait until it is done"
FULL = "The disk is full: make room on it, or choose another folder. What is there already is kept"
HASH = (
    "A file that was downloaded isn't the one that was published with this add-on, so nothing of it was "
    "installed: try again. If that doesn't help, the network or the package index changes files: ask whoever "
    "runs it"
)
IN_USE = "Not all of the engine could be removed ({why}): close what uses it, and try again"
NETWORK = "The download was interrupted: see whether this machine is online, and go on with it"
MISSING = (
    "The package index doesn't have a part of the engine for this computer: ask whoever runs the index, or "
    "get the newest version of the add-on"
)
FORBIDDEN = "The folder can't be written to: choose another one"
UNKNOWN = "A part of the engine couldn't be installed: Show Log says more"

OF_SIGNS = (
    (r"do not match the hashes|hash mismatch", HASH),
    (r"no space left|not enough space|disk quota|errno 28|winerror 112", FULL),
    (r"permission denied|access is denied|errno 13|read-only file system", FORBIDDEN),
    (r"Retry\(total=0,", NETWORK),  # pip, which goes on, then knows of no version
    (r"no matching distribution|could not find a version|is not a supported wheel", MISSING),
    (
        r"connect|resolution|name or service|timed? ?out|proxy|ssl|max retries|incomplete|temporary fail",
        NETWORK,
    ),
)
"""Signs of what went wrong in a program's errors, and what to say; the first that is found counts."""
_BEGINS = r"(?i)error\b|errno|winerror|not match the hashes|Retry\(total=0,"
_HARMLESS = r"(?i)\s*(looking in|collecting|downloading|using|warning:(?!.*Retry\(total=0,))"
"""pip's words for what it does, and for what it tries once more; they are full of addresses."""


class InstallError(Exception):
    """An engine can't be installed or removed; the message says what to do."""


def of_output(said: str, otherwise: str = "") -> str:
    """Finds the words for an error in what a program or the system has said, from where that tells of one."""
    lines = [line for line in said.splitlines() if not re.match(_HARMLESS, line)]
    first = next((number for number, line in enumerate(lines) if re.search(_BEGINS, line)), len(lines))
    errors = "\n".join(lines[first:])
    signs = (message for sign, message in OF_SIGNS if re.search(sign, errors, re.IGNORECASE))
    found = next(signs, None)
    if found is None:
        return otherwise or translate(UNKNOWN)
    return translate(found)
