"""Errors that Recaster raises on purpose, each with the exit code and the reason that programs know it by.

A message says what happened, to which file or frame, and what to do about it. ``reason`` is the word of
``recaster.v1.JobError`` and gRPC's ErrorInfo. A class has the exit code and the reason of the class above it
unless it states its own.
"""

from __future__ import annotations


class RecasterError(Exception):
    """The root of every expected error; the command line ends with its ``exit_code``."""

    exit_code = 1
    reason = "INTERNAL"


class UsageError(RecasterError):
    """Options or arguments that do not go together."""

    exit_code = 2
    reason = "USAGE"


class ReusedError(UsageError):
    """A request id was used before, for something else."""

    reason = "REQUEST_ID_REUSED"


class QuotaError(UsageError):
    """More is asked for than may be kept, or done at a time."""

    reason = "QUOTA_EXCEEDED"


class CertificateError(UsageError):
    """A certificate isn't valid yet, or not any more; what needs it waits for another, or for its time."""

    reason = "POLICY"


class BatchError(RecasterError):
    """Several things went wrong, or were wrong; exit code and reason are those of the first."""

    def __init__(self, message: str, first: BaseException) -> None:
        super().__init__(message)
        self.exit_code = first.exit_code if isinstance(first, RecasterError) else RecasterError.exit_code
        self.reason = reason_of(first)


class InputError(RecasterError):
    """Something that was given cannot be used."""

    exit_code = 3
    reason = "INPUT"


class DamagedError(InputError):
    """Files that were kept aren't what they were any more; ``digests`` are what they were kept under."""

    reason = "DAMAGED"

    def __init__(self, message: str, digests: tuple[str, ...]) -> None:
        super().__init__(message)
        self.digests = digests


class NotFoundError(InputError):
    """An engine has no job, clip, faceset, model, person or blob of that name."""

    reason = "NOT_FOUND"


class DigestError(InputError):
    """Content that was sent isn't what its digest promised."""

    reason = "DIGEST_MISMATCH"


class NotOfferedError(InputError):
    """No client of this machine shows such a file to its engine."""

    reason = "NOT_OFFERED"


class ClipError(InputError):
    """A clip is missing, broken, or has no video in it."""

    reason = "CLIP"


class ImageError(InputError):
    """A still image is missing or cannot be decoded."""

    reason = "IMAGE"


class FacesetError(InputError):
    """A faceset folder or zip is missing, broken or unsafe."""

    reason = "FACESET"


class ModelError(InputError):
    """A model folder or checkpoint is missing, broken or of another kind."""

    reason = "MODEL"


class WeightsError(InputError):
    """A weights file is missing, or its checksum, names or shapes are wrong."""

    reason = "WEIGHTS"


class ManifestError(InputError):
    """A file has no manifest, or one that doesn't fit it."""


class AuditError(InputError):
    """The audit log is not as it was written."""


class FaceNotFoundError(RecasterError):
    """No face was found, or not the wanted person."""

    exit_code = 4
    reason = "FACE_NOT_FOUND"


class TrainingError(RecasterError):
    """Training cannot start or go on."""

    exit_code = 5
    reason = "TRAINING"


class OutputError(RecasterError):
    """A result cannot be written."""

    exit_code = 6
    reason = "OUTPUT"


class DiskFullError(OutputError):
    """There is no room for a result; it can be written once there is."""

    reason = "DISK_FULL"


class TimestampError(OutputError):
    """A timestamp authority gives no timestamp; the same may go well later."""

    reason = "TIMESTAMP"


class LockedError(OutputError):
    """Another process keeps what is to be written, or the system has no descriptor left; try again."""


class DeviceError(RecasterError):
    """A device was asked for and cannot be used."""

    exit_code = 7
    reason = "DEVICE"


class EngineError(RecasterError):
    """An engine that should do the work can't be reached, or refuses to (``reason``: why, as it says)."""

    exit_code = 8
    reason = ""


class ConsentError(RecasterError):
    """There is no right to use a face: none was stated, it was revoked, or it is over.

    ``reason`` is one of CONSENT_MISSING, CONSENT_REVOKED, CONSENT_EXPIRED and CONSENT_REFUSED.
    """

    exit_code = 9

    def __init__(self, message: str, reason: str = "CONSENT_MISSING") -> None:
        super().__init__(message)
        self.reason = reason


class UnknownSignerError(RecasterError):
    """A file fits its manifest, but anybody could have signed it."""

    exit_code = 10


class AnonymityError(RecasterError):
    """A promise that nobody is known in a clip doesn't hold."""

    exit_code = 11
    reason = "ANONYMITY"


class StorageError(RecasterError):
    """A storage can't be reached, gives no right, or lacks or damaged an object.

    ``is_transient``: the same may go well later, though it was tried again for as long as allowed.
    """

    exit_code = 12
    reason = "STORAGE"

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        super().__init__(message)
        self.is_transient = is_transient


class NotStoredError(StorageError):
    """A storage has no object of that digest."""


class ClusterError(RecasterError):
    """A cluster can't be joined or used: it is public, has no room, or other releases."""

    exit_code = 13
    reason = "CLUSTER"


def reason_of(error: BaseException) -> str:
    """The reason of any error: LIMIT where memory ran out, INTERNAL for one that nobody expected."""
    if isinstance(error, MemoryError):
        return "LIMIT"
    return (error.reason if isinstance(error, RecasterError) else "") or RecasterError.reason
