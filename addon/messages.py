# SPDX-License-Identifier: GPL-3.0-or-later
"""Error messages in an editor's words, without Blender.

Errors of engines and of the client are written for people at a terminal, too: they name commands, options and
addresses. Those that say why in capitals (``reason``) have a sentence of their own here, with the button that
helps; of all others the clauses stay that an editor can use. What an engine sends is text and nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from recaster.errors import ConsentError, EngineError

from .translations import translate, translate_count

MAX_LETTERS = 300
MAX_STAGE = 60
UNKNOWN = "The engine can't do this, and its own words are for its maintainers: Show Log has them"
REVOKED = "The right to use this face was revoked: it can't be put on. Choose another face"
OFFLINE = "No engine answers"
WRONG_TOKEN = "The engine doesn't take this token: copy it again into the preferences"  # noqa: S105

OF_REASON = {
    "CONSENT_MISSING": "Nobody has said yet by what right this face is used: press State Basis",
    "CONSENT_REVOKED": REVOKED,
    "CONSENT_EXPIRED": "The right to use this face isn't valid today: renew it with State Basis Again",
    "CONSENT_REFUSED": "The engine's rules don't take this basis, or want its document: ask whoever runs it",
    "POLICY": "The engine's rules don't allow this: ask whoever runs the engine",
    "DISK_FULL": "The engine's disk is full: make room there, and it goes on",
    "QUOTA_EXCEEDED": "The engine's storage is used up: clear jobs that have ended, or ask whoever runs it",
    "TIMESTAMP": "The timestamp service doesn't answer: it is asked again later",
    "UNAVAILABLE": OFFLINE,
    "DEADLINE_EXCEEDED": "The engine takes too long to answer: try again in a moment",
    "UNAUTHENTICATED": WRONG_TOKEN,
    "TOKEN_WRONG": WRONG_TOKEN,
    "PERMISSION_DENIED": "This token may not do that: ask whoever runs the engine",
    "ROLE": "This token may not do that: ask whoever runs the engine for another",
    "TOKEN_EXPIRED": "This token's time is over: ask whoever runs the engine for another",
    "TOKEN_REVOKED": "This token was revoked: ask whoever runs the engine for another",
    "ANSWER": "This is no engine that the add-on knows: check the address, or update the add-on",
    "BLOB_MISSING": "The engine doesn't have this file any more: try again, and it is sent again",
    "REQUEST_ID_REUSED": "The engine took this for another request: try again",
    "WRONG_OFFSET": "The file was also sent from elsewhere meanwhile: try again",
    "NOT_LOCAL": "The file can't be handed over on this machine: try again, and it is sent",
    "NOT_OFFERED": "The file changed before the engine had read it: try again",
    "IN_USE": "It is still needed: cancel or delete first what needs it",
    "DOCUMENT": "This file is kept as somebody's consent: choose another",
    "DIGEST_MISMATCH": "The file changed, or was damaged, on its way: try again",
    "DEVICE": "The engine's graphics card can't be used: ask whoever runs the engine",
    "WEIGHTS": "The engine isn't completely installed: ask whoever runs it to install it again",
    "LIMIT": "This took more of the engine's memory or time than it allows: try a shorter strip",
    "OUTDATED": "This face was trained by another version of Recaster: train it anew",
    "CRASHED": "The engine's worker ended unexpectedly: try again",
    "STALLED": "The work came no further and was stopped: a clip or picture may be damaged",
    "INTERNAL": "The engine met an error of its own: try again; Show Log has more",
    "JOB_RUNNING": "It is still being done: cancel it first",
    "JOB_ENDED": "It has ended already",
    "JOB_NOT_QUEUED": "It doesn't wait any more: only what waits for its turn can change its place",
    "UPLOAD_BUSY": "This file is being sent already: try again in a moment",
    "TOO_MANY_DROPS": "The engine is being handed too many files at once: try again in a moment",
    "ANONYMITY": "Somebody can still be known in the result, so it isn't kept: cover more of it",
    "STORAGE": "The engine can't get at what it shares with other machines: ask whoever runs the engine",
    "CLUSTER": "The machines that the engine shares work with can't be used: ask whoever runs the engine",
    "DRAINING": "The engine is about to be stopped and takes nothing new: try again later",
    "BUSY": "The engine has too much to do: try again in a moment",
    "OTHER_IDENTITY": "Another person was named for this face meanwhile: look at it again",
    "CANCELLED": "It was canceled",
}
"""What to say for a reason, whatever words the engine has for it."""

OF_ROLE = {
    "viewer": "This token is for looking only: ask whoever runs the engine for an editor's",
    "editor": "An editor's token may not do that: ask a consent officer, or whoever runs the engine",
    "consent-officer": "A consent officer's token may not do that: ask whoever runs the engine",
}
"""What to say to a client whose role isn't enough."""

COMMAND = r"""(?xi)`
    | (?-i:\brecaster)(\[\w+\])?\s+[a-z]+\b | \bRECASTER_\w* | (?<![\w-])--?[a-z][\w-]*
    | \b(pip|grpc|stdin|stdout|stderr|traceback|errno|argv|localhost|chmod|socket|SSL|RPC|Google)\b
    | \b(ipv4|ipv6|unix|dns): | \bHOST:PORT\b | \b(on|in)\ the\ PATH\b | \bexit\ code\b | \bHTTP
    | \.venv\b | \.py\b | \./\w | \b\w+\.(pem|toml|sqlite|log)\b | \b\d+(\.\d+){3}(:\d+)?
    | \bterminal\b | \bcommand\ line\b | \benvironment\ variable\b | \bto\ all\ addresses\b
    | <[\w.]+\ object | \b\w+Error\b | \b0x[0-9a-f]+
    """
"""What belongs to a terminal or to a programmer."""
LEFTOVER = (
    r"(?s)(identity|model|faceset|clip|job)?\s*[0-9a-f]{8,}|see|run|use|or|last error|[A-Z_]+"
    r"|.*\b(with|see|(?<!in )use|by|to|add|or)"
)
"""A clause that says nothing once what followed it is gone, or that is only an id."""
SUBJECT = r"(?s)(?P<name>[^\s:;]+\.\w+|/[^:;]+): (?P<rest>.+)"
"""A file, and what is the matter with it."""
PATH = r"""(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:;,()'"]+[/\\])*([^\s/\\:;,()'"]+)"""
"""A file, from the root on; and its name."""
CLAUSES = r"(?:;\s+|\.\s+|:\s+|,\s+(?:or|and|but)\s+|\s+(?=\()|(?<=\))\s*)"
ESCAPES = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]"


def text(given: object, most: int = MAX_LETTERS) -> str:
    """Anything that an engine names or says, as one line without codes that steer a screen."""
    line = re.sub(ESCAPES, "", str(given))
    line = "".join(" " if letter in "\t\n\r\v\f\u2028\u2029" else letter for letter in line)
    line = "".join(letter for letter in line if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co"))
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 3].rstrip() + "..."


def lines(given: str) -> str:
    """Several lines, each as ``text`` has it."""
    return "\n".join(text(one, MAX_LETTERS * 4) for one in given.splitlines())


AMERICAN = {
    "behaviour": "behavior", "cancelled": "canceled", "cancelling": "canceling", "catalogue": "catalog",
    "centre": "center", "centred": "centered", "colour": "color", "coloured": "colored", "colours": "colors",
    "favour": "favor", "grey": "gray", "greyscale": "grayscale", "labelled": "labeled", "licence": "license",
    "licences": "licenses", "neighbour": "neighbor", "neighbouring": "neighboring", "neighbours": "neighbors",
}  # fmt: skip
"""Words that Blender spells otherwise than the engine; those in -ise come beside."""
BRITISH = (
    rf"(?i)(?<![\w./\\-])(?:({'|'.join(AMERICAN)})|((?:anonym|normal|optim|organ|recogn|synchron)i)s"
    r"(ed?|es|ing|ation))(?![\w/\\-]|\.\w)"
)


def american(given: str) -> str:
    """Spells a text of ours as Blender does; never one with a name in it that somebody gave."""

    def spell(found: re.Match[str]) -> str:
        if found[1] is None:
            return f"{found[2]}z{found[3]}"
        word = AMERICAN[found[1].lower()]
        return sentence(word) if found[1][0].isupper() else word

    return re.sub(BRITISH, spell, given)


def sentence(given: str) -> str:
    """The same with a capital at its beginning."""
    return given[:1].upper() + given[1:]


def stage(given: str) -> str:
    """The stage of some work, as panels show it."""
    return translate(sentence(text(given, MAX_STAGE)))


def size_of(count: int) -> str:
    """A number of bytes as people read it."""
    steps = [unit for unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")) if count >= unit[0]]
    if not steps:
        return translate_count("{count} byte", "{count} bytes", count)
    scale, unit = steps[0]
    return f"{count / scale:.1f} {unit}"


def plain(given: object, *, local: bool = False) -> str:
    """Returns a message without the clauses about a terminal; of files elsewhere the names alone."""
    line = text(given, 4 * MAX_LETTERS)
    about = ""
    if not local:
        line = re.sub(PATH, r"\1", line)
    named = re.fullmatch(SUBJECT, line)
    if named is not None:  # a sentence doesn't begin with a file's name, which has no capital
        line = named["rest"]
        about = "" if re.search(COMMAND, named["name"]) else f" ({named['name']})"
    if re.search(COMMAND, line):
        begin = 0
        kept = []
        for gap in (*re.finditer(CLAUSES, line), None):
            end = len(line) if gap is None else gap.start()
            clause = line[begin:end]
            clause = clause.strip("() .;,")
            if clause and not re.search(COMMAND, clause) and not re.fullmatch(LEFTOVER, clause):
                kept.append(clause)
            begin = len(line) if gap is None else gap.end()
        line = "; ".join(kept)
        if len(line.split()) < 3 or re.search(COMMAND, line):  # a name alone says nothing
            line = translate(UNKNOWN)
    return sentence(text(line)) + about


def of_role(role: str) -> str:
    """Says why a client with a role may not do something."""
    return translate(OF_ROLE.get(role, OF_REASON["ROLE"]))


def of_reason(reason: str, said: object) -> str:
    """Returns the sentence for an engine's error."""
    return translate(OF_REASON[reason]) if reason in OF_REASON else plain(said)


def of_job(job: Any) -> str:
    """Says why a job failed or waits; "" where nothing is wrong."""
    return of_reason(job.error.reason, job.error.message) if job.HasField("error") else ""


def of_error(error: BaseException) -> str:
    """Returns the sentence for an exception."""
    reason = error.reason if isinstance(error, ConsentError | EngineError) else ""
    if reason == "ROLE":
        return of_role(getattr(error, "metadata", {}).get("role", ""))
    if reason in OF_REASON:
        return translate(OF_REASON[reason])
    if isinstance(error, OSError) and error.strerror:
        where = f" ({text(error.filename)})" if error.filename else ""
        return sentence(f"{text(error.strerror)}{where}")
    return plain(error, local=not reason) if str(error) else translate(UNKNOWN)
