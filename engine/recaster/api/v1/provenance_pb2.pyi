from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class VerifyFileRequest(_message.Message):
    __slots__ = ("digest", "display_name", "manifest_digest")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    display_name: str
    manifest_digest: str
    def __init__(self, digest: _Optional[str] = ..., display_name: _Optional[str] = ..., manifest_digest: _Optional[str] = ...) -> None: ...

class VerifyFileResponse(_message.Message):
    __slots__ = ("line", "valid", "swap", "trusted")
    LINE_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    SWAP_FIELD_NUMBER: _ClassVar[int]
    TRUSTED_FIELD_NUMBER: _ClassVar[int]
    line: str
    valid: bool
    swap: bool
    trusted: bool
    def __init__(self, line: _Optional[str] = ..., valid: bool = ..., swap: bool = ..., trusted: bool = ...) -> None: ...
