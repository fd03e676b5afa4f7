from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Basis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BASIS_UNSPECIFIED: _ClassVar[Basis]
    BASIS_CONSENT: _ClassVar[Basis]
    BASIS_SELF: _ClassVar[Basis]
    BASIS_LICENSED: _ClassVar[Basis]
    BASIS_SYNTHETIC: _ClassVar[Basis]
BASIS_UNSPECIFIED: Basis
BASIS_CONSENT: Basis
BASIS_SELF: Basis
BASIS_LICENSED: Basis
BASIS_SYNTHETIC: Basis

class Identity(_message.Message):
    __slots__ = ("identity_id", "display_name", "note", "create_time", "attestation", "revocation")
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    REVOCATION_FIELD_NUMBER: _ClassVar[int]
    identity_id: str
    display_name: str
    note: str
    create_time: _timestamp_pb2.Timestamp
    attestation: Attestation
    revocation: Revocation
    def __init__(self, identity_id: _Optional[str] = ..., display_name: _Optional[str] = ..., note: _Optional[str] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., attestation: _Optional[_Union[Attestation, _Mapping]] = ..., revocation: _Optional[_Union[Revocation, _Mapping]] = ...) -> None: ...

class Attestation(_message.Message):
    __slots__ = ("basis", "scope", "valid_from", "valid_until", "document_digest", "attested_by", "attest_time")
    BASIS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ATTESTED_BY_FIELD_NUMBER: _ClassVar[int]
    ATTEST_TIME_FIELD_NUMBER: _ClassVar[int]
    basis: Basis
    scope: str
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    document_digest: str
    attested_by: str
    attest_time: _timestamp_pb2.Timestamp
    def __init__(self, basis: _Optional[_Union[Basis, str]] = ..., scope: _Optional[str] = ..., valid_from: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., document_digest: _Optional[str] = ..., attested_by: _Optional[str] = ..., attest_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Revocation(_message.Message):
    __slots__ = ("reason", "time")
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    reason: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, reason: _Optional[str] = ..., time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateIdentityRequest(_message.Message):
    __slots__ = ("display_name", "note", "request_id", "attestation")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    note: str
    request_id: str
    attestation: Attestation
    def __init__(self, display_name: _Optional[str] = ..., note: _Optional[str] = ..., request_id: _Optional[str] = ..., attestation: _Optional[_Union[Attestation, _Mapping]] = ...) -> None: ...

class AttestIdentityRequest(_message.Message):
    __slots__ = ("identity_id", "attestation")
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    identity_id: str
    attestation: Attestation
    def __init__(self, identity_id: _Optional[str] = ..., attestation: _Optional[_Union[Attestation, _Mapping]] = ...) -> None: ...

class RevokeIdentityRequest(_message.Message):
    __slots__ = ("identity_id", "reason")
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    identity_id: str
    reason: str
    def __init__(self, identity_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AssignIdentityRequest(_message.Message):
    __slots__ = ("identity_id", "faceset_id", "model_id")
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    identity_id: str
    faceset_id: str
    model_id: str
    def __init__(self, identity_id: _Optional[str] = ..., faceset_id: _Optional[str] = ..., model_id: _Optional[str] = ...) -> None: ...

class AssignIdentityResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetIdentityRequest(_message.Message):
    __slots__ = ("identity_id",)
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    identity_id: str
    def __init__(self, identity_id: _Optional[str] = ...) -> None: ...

class ListIdentitiesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListIdentitiesResponse(_message.Message):
    __slots__ = ("identities", "next_page_token")
    IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    identities: _containers.RepeatedCompositeFieldContainer[Identity]
    next_page_token: str
    def __init__(self, identities: _Optional[_Iterable[_Union[Identity, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteIdentityRequest(_message.Message):
    __slots__ = ("identity_id", "everything", "dry_run")
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    EVERYTHING_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    identity_id: str
    everything: bool
    dry_run: bool
    def __init__(self, identity_id: _Optional[str] = ..., everything: bool = ..., dry_run: bool = ...) -> None: ...

class DeleteIdentityResponse(_message.Message):
    __slots__ = ("deleted", "kept")
    DELETED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    deleted: _containers.RepeatedCompositeFieldContainer[DeletedThing]
    kept: _containers.RepeatedCompositeFieldContainer[KeptThing]
    def __init__(self, deleted: _Optional[_Iterable[_Union[DeletedThing, _Mapping]]] = ..., kept: _Optional[_Iterable[_Union[KeptThing, _Mapping]]] = ...) -> None: ...

class DeletedThing(_message.Message):
    __slots__ = ("kind", "id", "display_name")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    display_name: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., display_name: _Optional[str] = ...) -> None: ...

class KeptThing(_message.Message):
    __slots__ = ("kind", "id", "display_name", "reason", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    display_name: str
    reason: str
    message: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., display_name: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
