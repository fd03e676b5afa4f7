"""Options of the right by which a face is put on."""

from __future__ import annotations

from typing import Final

from recaster.settings.choices import Choice

LEGAL_BASES: Final = {
    "consent": Choice("Consent", "The person agreed to it", 0),
    "self": Choice("Myself", "The person is you", 1),
    "licensed": Choice("Licensed", "It was licensed", 2),
    "synthetic": Choice("Synthetic", "It is nobody's: drawn, rendered or generated", 3),
}
