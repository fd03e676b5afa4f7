from recaster.api.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PreviewFrameRequest(_message.Message):
    __slots__ = ("clip_id", "model_id", "faceset_id", "frame", "options", "cast")
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CAST_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    model_id: str
    faceset_id: str
    frame: int
    options: _job_pb2.SwapOptions
    cast: _containers.RepeatedCompositeFieldContainer[_job_pb2.CastMember]
    def __init__(self, clip_id: _Optional[str] = ..., model_id: _Optional[str] = ..., faceset_id: _Optional[str] = ..., frame: _Optional[int] = ..., options: _Optional[_Union[_job_pb2.SwapOptions, _Mapping]] = ..., cast: _Optional[_Iterable[_Union[_job_pb2.CastMember, _Mapping]]] = ...) -> None: ...

class PreviewFrameResponse(_message.Message):
    __slots__ = ("png", "warnings")
    PNG_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    png: bytes
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, png: _Optional[bytes] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...
