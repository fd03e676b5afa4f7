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

MAX_LETTERS = 300
UNKNOWN = "The engine can't do this, and its own words are for its maintainers: Show Log has them"
REVOKED = "The right to use this face was revoked: it can't be put on. Choose another face"
OFFLINE = "No engine answers"
WRONG_TOKEN = "The engine doesn't take this token: copy it again into the preferences"  # noqa: S105

OF_REASON = {
    "CONSENT_MISSING": "Nobody has said yet by what right this face is used: press State Once beside Basis",
    "CONSENT_REVOKED": REVOKED,
    "CONSENT_EXPIRED": "The right to use this face isn't valid today: renew it with State Again",
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
    "UPLOAD_BUSY": "This file is being sent already: try again in a moment",
    "TOO_MANY_DROPS": "The engine is being handed too many files at once: try again in a moment",
    "ANONYMITY": "Somebody can still be known in the result, so it isn't kept: cover more of it",
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

COMMAND = re.compile(
    r"""`
    | (?-i:\brecaster)(\[\w+\])?\s+[a-z]+\b | \bRECASTER_\w* | (?<![\w-])--?[a-z][\w-]*
    | \b(pip|grpc|stdin|stdout|stderr|traceback|errno|argv|localhost|chmod|socket|SSL|RPC|Google)\b
    | \b(ipv4|ipv6|unix|dns): | \bHOST:PORT\b | \b(on|in)\ the\ PATH\b | \bexit\ code\b | \bHTTP
    | \.venv\b | \.py\b | \./\w | \b\w+\.(pem|toml|sqlite|log)\b | \b\d+(\.\d+){3}(:\d+)?
    | \bterminal\b | \bcommand\ line\b | \benvironment\ variable\b | \bto\ all\ addresses\b
    | <[\w.]+\ object | \b\w+Error\b | \b0x[0-9a-f]+
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What belongs to a terminal or to a programmer."""
LEFTOVER = re.compile(
    r"(identity|model|faceset|clip|job)?\s*[0-9a-f]{8,}|see|run|use|or|last error|[A-Z_]+"
    r"|.*\b(with|see|(?<!in )use|by|to|add|or)",
    re.DOTALL,
)
"""A clause that says nothing once what followed it is gone, or that is only an id."""
SUBJECT = re.compile(r"(?P<name>[^\s:;]+\.\w+|/[^:;]+): (?P<rest>.+)", re.DOTALL)
"""A file, and what is the matter with it."""
PATH = re.compile(r"""(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:;,()'"]+[/\\])*([^\s/\\:;,()'"]+)""")
"""A file, from the root on; and its name."""
CLAUSES = re.compile(r"(?:;\s+|\.\s+|:\s+|,\s+(?:or|and|but)\s+|\s+(?=\()|(?<=\))\s*)")
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]"
)


def text(given: object, most: int = MAX_LETTERS) -> str:
    """Anything that an engine names or says, as one line without codes that steer a screen."""
    line = ESCAPES.sub("", str(given))
    line = "".join(" " if letter in "\t\n\r\v\f\u2028\u2029" else letter for letter in line)
    line = "".join(letter for letter in line if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co"))
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 3].rstrip() + "..."


def lines(given: str) -> str:
    """Several lines, each as ``text`` has it."""
    return "\n".join(text(one, MAX_LETTERS * 4) for one in given.splitlines())


def sentence(given: str) -> str:
    """The same with a capital at its beginning."""
    return given[:1].upper() + given[1:]


def count_of(number: int, noun: str) -> str:
    """A number of things, with their noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain(given: object, *, local: bool = False) -> str:
    """Returns a message without the clauses about a terminal; of files elsewhere the names alone."""
    line = text(given, 4 * MAX_LETTERS)
    about = ""
    if not local:
        line = PATH.sub(r"\1", line)
    named = SUBJECT.fullmatch(line)
    if named is not None:  # a sentence doesn't begin with a file's name, which has no capital
        line = named["rest"]
        about = "" if COMMAND.search(named["name"]) else f" ({named['name']})"
    if COMMAND.search(line):
        begin = 0
        kept = []
        for gap in (*CLAUSES.finditer(line), None):
            end = len(line) if gap is None else gap.start()
            clause = line[begin:end]
            clause = clause.strip("() .;,")
            if clause and not COMMAND.search(clause) and not LEFTOVER.fullmatch(clause):
                kept.append(clause)
            begin = len(line) if gap is None else gap.end()
        line = "; ".join(kept)
        if len(line.split()) < 3 or COMMAND.search(line):  # a name alone says nothing
            line = UNKNOWN
    return sentence(text(line)) + about


def of_role(role: str) -> str:
    """Says why a client with a role may not do something."""
    return OF_ROLE.get(role, OF_REASON["ROLE"])


def of_reason(reason: str, said: object) -> str:
    """Returns the sentence for an engine's error."""
    return OF_REASON.get(reason) or plain(said)


def of_job(job: Any) -> str:
    """Says why a job failed or waits; "" where nothing is wrong."""
    return of_reason(job.error.reason, job.error.message) if job.HasField("error") else ""


def of_error(error: BaseException) -> str:
    """Returns the sentence for an exception."""
    reason = error.reason if isinstance(error, ConsentError | EngineError) else ""
    if reason == "ROLE":
        return of_role(getattr(error, "metadata", {}).get("role", ""))
    if reason in OF_REASON:
        return OF_REASON[reason]
    if isinstance(error, OSError) and error.strerror:
        where = f" ({text(error.filename)})" if error.filename else ""
        return sentence(f"{text(error.strerror)}{where}")
    return plain(error, local=not reason) if str(error) else UNKNOWN
