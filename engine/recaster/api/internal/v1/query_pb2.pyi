from recaster.api.internal.v1 import worker_pb2 as _worker_pb2
from recaster.api.v1 import clip_pb2 as _clip_pb2
from recaster.api.v1 import faceset_pb2 as _faceset_pb2
from recaster.api.v1 import job_pb2 as _job_pb2
from recaster.api.v1 import model_pb2 as _model_pb2
from recaster.api.v1 import provenance_pb2 as _provenance_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Question(_message.Message):
    __slots__ = ("scratch", "faces", "people", "curves", "describe", "drop", "preview", "recognise", "verify", "tracks", "correct")
    SCRATCH_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    CURVES_FIELD_NUMBER: _ClassVar[int]
    DESCRIBE_FIELD_NUMBER: _ClassVar[int]
    DROP_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    RECOGNISE_FIELD_NUMBER: _ClassVar[int]
    VERIFY_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    CORRECT_FIELD_NUMBER: _ClassVar[int]
    scratch: bytes
    faces: FacesQuestion
    people: PeopleQuestion
    curves: CurvesQuestion
    describe: DescribeQuestion
    drop: DropQuestion
    preview: PreviewQuestion
    recognise: RecogniseQuestion
    verify: VerifyQuestion
    tracks: TracksQuestion
    correct: CorrectQuestion
    def __init__(self, scratch: _Optional[bytes] = ..., faces: _Optional[_Union[FacesQuestion, _Mapping]] = ..., people: _Optional[_Union[PeopleQuestion, _Mapping]] = ..., curves: _Optional[_Union[CurvesQuestion, _Mapping]] = ..., describe: _Optional[_Union[DescribeQuestion, _Mapping]] = ..., drop: _Optional[_Union[DropQuestion, _Mapping]] = ..., preview: _Optional[_Union[PreviewQuestion, _Mapping]] = ..., recognise: _Optional[_Union[RecogniseQuestion, _Mapping]] = ..., verify: _Optional[_Union[VerifyQuestion, _Mapping]] = ..., tracks: _Optional[_Union[TracksQuestion, _Mapping]] = ..., correct: _Optional[_Union[CorrectQuestion, _Mapping]] = ...) -> None: ...

class FacesQuestion(_message.Message):
    __slots__ = ("folder", "start", "count", "thumbnails")
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    THUMBNAILS_FIELD_NUMBER: _ClassVar[int]
    folder: bytes
    start: int
    count: int
    thumbnails: bool
    def __init__(self, folder: _Optional[bytes] = ..., start: _Optional[int] = ..., count: _Optional[int] = ..., thumbnails: bool = ...) -> None: ...

class PeopleQuestion(_message.Message):
    __slots__ = ("clip", "name", "options", "corrections")
    CLIP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    clip: bytes
    name: str
    options: _job_pb2.SwapOptions
    corrections: bytes
    def __init__(self, clip: _Optional[bytes] = ..., name: _Optional[str] = ..., options: _Optional[_Union[_job_pb2.SwapOptions, _Mapping]] = ..., corrections: _Optional[bytes] = ...) -> None: ...

class TracksQuestion(_message.Message):
    __slots__ = ("clip", "name", "corrections", "request")
    CLIP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    clip: bytes
    name: str
    corrections: bytes
    request: _clip_pb2.ListTracksRequest
    def __init__(self, clip: _Optional[bytes] = ..., name: _Optional[str] = ..., corrections: _Optional[bytes] = ..., request: _Optional[_Union[_clip_pb2.ListTracksRequest, _Mapping]] = ...) -> None: ...

class CorrectQuestion(_message.Message):
    __slots__ = ("clip", "name", "corrections", "request")
    CLIP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    clip: bytes
    name: str
    corrections: bytes
    request: _clip_pb2.CorrectTracksRequest
    def __init__(self, clip: _Optional[bytes] = ..., name: _Optional[str] = ..., corrections: _Optional[bytes] = ..., request: _Optional[_Union[_clip_pb2.CorrectTracksRequest, _Mapping]] = ...) -> None: ...

class CurvesQuestion(_message.Message):
    __slots__ = ("model", "points")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    model: bytes
    points: int
    def __init__(self, model: _Optional[bytes] = ..., points: _Optional[int] = ...) -> None: ...

class DescribeQuestion(_message.Message):
    __slots__ = ("folder",)
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    folder: bytes
    def __init__(self, folder: _Optional[bytes] = ...) -> None: ...

class DropQuestion(_message.Message):
    __slots__ = ("folder", "faces", "restore")
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    RESTORE_FIELD_NUMBER: _ClassVar[int]
    folder: bytes
    faces: _containers.RepeatedScalarFieldContainer[int]
    restore: bool
    def __init__(self, folder: _Optional[bytes] = ..., faces: _Optional[_Iterable[int]] = ..., restore: bool = ...) -> None: ...

class PreviewQuestion(_message.Message):
    __slots__ = ("clip", "name", "model", "faceset", "frame", "options", "person", "grant", "corrections", "cast", "keep_out", "keep_in", "keep_out_name", "keep_in_name")
    CLIP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FACESET_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    CAST_FIELD_NUMBER: _ClassVar[int]
    KEEP_OUT_FIELD_NUMBER: _ClassVar[int]
    KEEP_IN_FIELD_NUMBER: _ClassVar[int]
    KEEP_OUT_NAME_FIELD_NUMBER: _ClassVar[int]
    KEEP_IN_NAME_FIELD_NUMBER: _ClassVar[int]
    clip: bytes
    name: str
    model: bytes
    faceset: bytes
    frame: int
    options: _job_pb2.SwapOptions
    person: bytes
    grant: _worker_pb2.Grant
    corrections: bytes
    cast: _containers.RepeatedCompositeFieldContainer[CastFolder]
    keep_out: bytes
    keep_in: bytes
    keep_out_name: str
    keep_in_name: str
    def __init__(self, clip: _Optional[bytes] = ..., name: _Optional[str] = ..., model: _Optional[bytes] = ..., faceset: _Optional[bytes] = ..., frame: _Optional[int] = ..., options: _Optional[_Union[_job_pb2.SwapOptions, _Mapping]] = ..., person: _Optional[bytes] = ..., grant: _Optional[_Union[_worker_pb2.Grant, _Mapping]] = ..., corrections: _Optional[bytes] = ..., cast: _Optional[_Iterable[_Union[CastFolder, _Mapping]]] = ..., keep_out: _Optional[bytes] = ..., keep_in: _Optional[bytes] = ..., keep_out_name: _Optional[str] = ..., keep_in_name: _Optional[str] = ...) -> None: ...

class CastFolder(_message.Message):
    __slots__ = ("member", "model", "faceset", "person")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FACESET_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    member: _job_pb2.CastMember
    model: bytes
    faceset: bytes
    person: bytes
    def __init__(self, member: _Optional[_Union[_job_pb2.CastMember, _Mapping]] = ..., model: _Optional[bytes] = ..., faceset: _Optional[bytes] = ..., person: _Optional[bytes] = ...) -> None: ...

class RecogniseQuestion(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: bytes
    def __init__(self, model: _Optional[bytes] = ...) -> None: ...

class VerifyQuestion(_message.Message):
    __slots__ = ("path", "name", "beside", "data", "authority")
    PATH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    BESIDE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    name: str
    beside: bytes
    data: bytes
    authority: bytes
    def __init__(self, path: _Optional[bytes] = ..., name: _Optional[str] = ..., beside: _Optional[bytes] = ..., data: _Optional[bytes] = ..., authority: _Optional[bytes] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("error", "faces", "people", "curves", "describe", "drop", "preview", "recognise", "verify", "tracks", "correct")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    CURVES_FIELD_NUMBER: _ClassVar[int]
    DESCRIBE_FIELD_NUMBER: _ClassVar[int]
    DROP_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    RECOGNISE_FIELD_NUMBER: _ClassVar[int]
    VERIFY_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    CORRECT_FIELD_NUMBER: _ClassVar[int]
    error: _job_pb2.JobError
    faces: FacesAnswer
    people: _clip_pb2.FindPeopleResponse
    curves: _model_pb2.GetLossCurvesResponse
    describe: FacesetCount
    drop: FacesetCount
    preview: PreviewAnswer
    recognise: _worker_pb2.Traces
    verify: _provenance_pb2.VerifyFileResponse
    tracks: _clip_pb2.ListTracksResponse
    correct: _clip_pb2.CorrectTracksResponse
    def __init__(self, error: _Optional[_Union[_job_pb2.JobError, _Mapping]] = ..., faces: _Optional[_Union[FacesAnswer, _Mapping]] = ..., people: _Optional[_Union[_clip_pb2.FindPeopleResponse, _Mapping]] = ..., curves: _Optional[_Union[_model_pb2.GetLossCurvesResponse, _Mapping]] = ..., describe: _Optional[_Union[FacesetCount, _Mapping]] = ..., drop: _Optional[_Union[FacesetCount, _Mapping]] = ..., preview: _Optional[_Union[PreviewAnswer, _Mapping]] = ..., recognise: _Optional[_Union[_worker_pb2.Traces, _Mapping]] = ..., verify: _Optional[_Union[_provenance_pb2.VerifyFileResponse, _Mapping]] = ..., tracks: _Optional[_Union[_clip_pb2.ListTracksResponse, _Mapping]] = ..., correct: _Optional[_Union[_clip_pb2.CorrectTracksResponse, _Mapping]] = ...) -> None: ...

class FacesAnswer(_message.Message):
    __slots__ = ("faces", "more")
    FACES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    faces: _containers.RepeatedCompositeFieldContainer[_faceset_pb2.Face]
    more: bool
    def __init__(self, faces: _Optional[_Iterable[_Union[_faceset_pb2.Face, _Mapping]]] = ..., more: bool = ...) -> None: ...

class FacesetCount(_message.Message):
    __slots__ = ("faces", "dropped", "digest", "traces")
    FACES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    faces: int
    dropped: int
    digest: str
    traces: _worker_pb2.Traces
    def __init__(self, faces: _Optional[int] = ..., dropped: _Optional[int] = ..., digest: _Optional[str] = ..., traces: _Optional[_Union[_worker_pb2.Traces, _Mapping]] = ...) -> None: ...

class PreviewAnswer(_message.Message):
    __slots__ = ("path", "warnings")
    PATH_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, path: _Optional[bytes] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...
