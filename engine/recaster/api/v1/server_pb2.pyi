from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DrainServerRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UndrainServerRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerInfo(_message.Message):
    __slots__ = ("version", "api_version", "devices", "presets", "max_blob_bytes", "quota_bytes", "used_bytes", "free_bytes", "max_message_bytes", "codecs", "local_drops", "basis_needed", "may_state_basis", "client_name", "role", "draining", "jobs_at_work", "swap_options")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    API_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    PRESETS_FIELD_NUMBER: _ClassVar[int]
    MAX_BLOB_BYTES_FIELD_NUMBER: _ClassVar[int]
    QUOTA_BYTES_FIELD_NUMBER: _ClassVar[int]
    USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    LOCAL_DROPS_FIELD_NUMBER: _ClassVar[int]
    BASIS_NEEDED_FIELD_NUMBER: _ClassVar[int]
    MAY_STATE_BASIS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    JOBS_AT_WORK_FIELD_NUMBER: _ClassVar[int]
    SWAP_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    version: str
    api_version: str
    devices: _containers.RepeatedScalarFieldContainer[str]
    presets: _containers.RepeatedCompositeFieldContainer[PresetInfo]
    max_blob_bytes: int
    quota_bytes: int
    used_bytes: int
    free_bytes: int
    max_message_bytes: int
    codecs: _containers.RepeatedScalarFieldContainer[str]
    local_drops: bool
    basis_needed: bool
    may_state_basis: bool
    client_name: str
    role: str
    draining: bool
    jobs_at_work: int
    swap_options: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[str] = ..., api_version: _Optional[str] = ..., devices: _Optional[_Iterable[str]] = ..., presets: _Optional[_Iterable[_Union[PresetInfo, _Mapping]]] = ..., max_blob_bytes: _Optional[int] = ..., quota_bytes: _Optional[int] = ..., used_bytes: _Optional[int] = ..., free_bytes: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., codecs: _Optional[_Iterable[str]] = ..., local_drops: bool = ..., basis_needed: bool = ..., may_state_basis: bool = ..., client_name: _Optional[str] = ..., role: _Optional[str] = ..., draining: bool = ..., jobs_at_work: _Optional[int] = ..., swap_options: _Optional[_Iterable[str]] = ...) -> None: ...

class PresetInfo(_message.Message):
    __slots__ = ("name", "family")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    name: str
    family: str
    def __init__(self, name: _Optional[str] = ..., family: _Optional[str] = ...) -> None: ...
