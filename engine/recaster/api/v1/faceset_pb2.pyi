from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Faceset(_message.Message):
    __slots__ = ("faceset_id", "display_name", "identity_id", "faces", "dropped", "crop_size", "digest", "create_time", "created_by")
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    CROP_SIZE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    faceset_id: str
    display_name: str
    identity_id: str
    faces: int
    dropped: int
    crop_size: int
    digest: str
    create_time: _timestamp_pb2.Timestamp
    created_by: str
    def __init__(self, faceset_id: _Optional[str] = ..., display_name: _Optional[str] = ..., identity_id: _Optional[str] = ..., faces: _Optional[int] = ..., dropped: _Optional[int] = ..., crop_size: _Optional[int] = ..., digest: _Optional[str] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., created_by: _Optional[str] = ...) -> None: ...

class Face(_message.Message):
    __slots__ = ("face_id", "source_name", "frame", "sharpness", "yaw_degrees", "pitch_degrees", "dropped", "thumbnail")
    FACE_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_NAME_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    SHARPNESS_FIELD_NUMBER: _ClassVar[int]
    YAW_DEGREES_FIELD_NUMBER: _ClassVar[int]
    PITCH_DEGREES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    face_id: str
    source_name: str
    frame: int
    sharpness: float
    yaw_degrees: float
    pitch_degrees: float
    dropped: bool
    thumbnail: bytes
    def __init__(self, face_id: _Optional[str] = ..., source_name: _Optional[str] = ..., frame: _Optional[int] = ..., sharpness: _Optional[float] = ..., yaw_degrees: _Optional[float] = ..., pitch_degrees: _Optional[float] = ..., dropped: bool = ..., thumbnail: _Optional[bytes] = ...) -> None: ...

class GetFacesetRequest(_message.Message):
    __slots__ = ("faceset_id",)
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    faceset_id: str
    def __init__(self, faceset_id: _Optional[str] = ...) -> None: ...

class ListFacesetsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFacesetsResponse(_message.Message):
    __slots__ = ("facesets", "next_page_token")
    FACESETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    facesets: _containers.RepeatedCompositeFieldContainer[Faceset]
    next_page_token: str
    def __init__(self, facesets: _Optional[_Iterable[_Union[Faceset, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListFacesRequest(_message.Message):
    __slots__ = ("faceset_id", "page_size", "page_token", "thumbnails")
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    THUMBNAILS_FIELD_NUMBER: _ClassVar[int]
    faceset_id: str
    page_size: int
    page_token: str
    thumbnails: bool
    def __init__(self, faceset_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., thumbnails: bool = ...) -> None: ...

class ListFacesResponse(_message.Message):
    __slots__ = ("faces", "next_page_token")
    FACES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    faces: _containers.RepeatedCompositeFieldContainer[Face]
    next_page_token: str
    def __init__(self, faces: _Optional[_Iterable[_Union[Face, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DropFacesRequest(_message.Message):
    __slots__ = ("faceset_id", "face_ids", "restore")
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    FACE_IDS_FIELD_NUMBER: _ClassVar[int]
    RESTORE_FIELD_NUMBER: _ClassVar[int]
    faceset_id: str
    face_ids: _containers.RepeatedScalarFieldContainer[str]
    restore: bool
    def __init__(self, faceset_id: _Optional[str] = ..., face_ids: _Optional[_Iterable[str]] = ..., restore: bool = ...) -> None: ...

class DeleteFacesetRequest(_message.Message):
    __slots__ = ("faceset_id",)
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    faceset_id: str
    def __init__(self, faceset_id: _Optional[str] = ...) -> None: ...

class DeleteFacesetResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
