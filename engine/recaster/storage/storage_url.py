"""URLs of storages: which ones are taken, and the one form that they are written in."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from recaster.errors import UsageError

_LOCAL = ("file", "local")
_PROTOCOL = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)


def parse_url(text: str) -> str | Path:
    """Reads the URL of a storage: a path for a folder, else the URL without a slash at its end.

    Raises:
        UsageError: it holds a password or other secrets, or can't be one of a storage.
    """
    protocol, mark, rest = text.partition("://")
    if not mark:
        if not text or "\0" in text:
            raise UsageError("a storage needs a URL: a folder's path, s3://BUCKET/PREFIX, or the like")
        return Path(text).absolute()
    if "::" in text or not _PROTOCOL.fullmatch(protocol):
        raise UsageError(f"{protocol}://: a storage's URL names one protocol: file://, s3:// and the like")
    _refuse_secrets(protocol, rest)
    if protocol.lower() not in _LOCAL:
        return f"{protocol.lower()}://{rest.rstrip('/')}"
    host = rest.partition("/")[0]
    if host not in ("", "localhost"):
        raise UsageError(f"{text}: names another machine; mount its folder, and give where it is mounted")
    return Path(unquote(rest.removeprefix(host)))


def _refuse_secrets(protocol: str, rest: str) -> None:
    """Refuses names with passwords, and keys in queries; the message has none of them (UsageError)."""
    before, mark, _ = rest.partition("@")  # a password may hold a slash or another @
    if (mark and ":" in before) or "?" in rest or "#" in rest:
        shown = f"{protocol}://{re.split('[?#]', rest)[0].rpartition('@')[2]}"
        raise UsageError(
            f"{shown}: a storage's URL holds no password and no query, since URLs are shown and "
            "logged; give credentials to the machine as its library reads them, for S3 as a key in the "
            "environment, a profile, or a role"
        )
