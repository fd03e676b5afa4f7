from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recaster.api.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Clip(_message.Message):
    __slots__ = ("clip_id", "display_name", "digest", "size", "width", "height", "frame_count", "frame_rate", "variable_frame_rate", "duration_s", "codec", "pixel_format", "has_sound", "warnings", "create_time", "created_by", "stored_width", "stored_height", "sample_aspect", "rotation", "bit_depth", "has_alpha", "transfer", "timecode", "reel", "side_streams", "chapters")
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FRAME_COUNT_FIELD_NUMBER: _ClassVar[int]
    FRAME_RATE_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_FRAME_RATE_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    PIXEL_FORMAT_FIELD_NUMBER: _ClassVar[int]
    HAS_SOUND_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    STORED_WIDTH_FIELD_NUMBER: _ClassVar[int]
    STORED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_ASPECT_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    BIT_DEPTH_FIELD_NUMBER: _ClassVar[int]
    HAS_ALPHA_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    TIMECODE_FIELD_NUMBER: _ClassVar[int]
    REEL_FIELD_NUMBER: _ClassVar[int]
    SIDE_STREAMS_FIELD_NUMBER: _ClassVar[int]
    CHAPTERS_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    display_name: str
    digest: str
    size: int
    width: int
    height: int
    frame_count: int
    frame_rate: str
    variable_frame_rate: bool
    duration_s: float
    codec: str
    pixel_format: str
    has_sound: bool
    warnings: _containers.RepeatedScalarFieldContainer[str]
    create_time: _timestamp_pb2.Timestamp
    created_by: str
    stored_width: int
    stored_height: int
    sample_aspect: str
    rotation: int
    bit_depth: int
    has_alpha: bool
    transfer: str
    timecode: str
    reel: str
    side_streams: _containers.RepeatedCompositeFieldContainer[SideStream]
    chapters: _containers.RepeatedCompositeFieldContainer[Chapter]
    def __init__(self, clip_id: _Optional[str] = ..., display_name: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., frame_count: _Optional[int] = ..., frame_rate: _Optional[str] = ..., variable_frame_rate: bool = ..., duration_s: _Optional[float] = ..., codec: _Optional[str] = ..., pixel_format: _Optional[str] = ..., has_sound: bool = ..., warnings: _Optional[_Iterable[str]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., created_by: _Optional[str] = ..., stored_width: _Optional[int] = ..., stored_height: _Optional[int] = ..., sample_aspect: _Optional[str] = ..., rotation: _Optional[int] = ..., bit_depth: _Optional[int] = ..., has_alpha: bool = ..., transfer: _Optional[str] = ..., timecode: _Optional[str] = ..., reel: _Optional[str] = ..., side_streams: _Optional[_Iterable[_Union[SideStream, _Mapping]]] = ..., chapters: _Optional[_Iterable[_Union[Chapter, _Mapping]]] = ...) -> None: ...

class SideStream(_message.Message):
    __slots__ = ("kind", "codec", "language", "title")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    codec: str
    language: str
    title: str
    def __init__(self, kind: _Optional[str] = ..., codec: _Optional[str] = ..., language: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...

class Chapter(_message.Message):
    __slots__ = ("start_s", "end_s", "title")
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    start_s: float
    end_s: float
    title: str
    def __init__(self, start_s: _Optional[float] = ..., end_s: _Optional[float] = ..., title: _Optional[str] = ...) -> None: ...

class GetClipRequest(_message.Message):
    __slots__ = ("clip_id",)
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    def __init__(self, clip_id: _Optional[str] = ...) -> None: ...

class ListClipsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListClipsResponse(_message.Message):
    __slots__ = ("clips", "next_page_token")
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    clips: _containers.RepeatedCompositeFieldContainer[Clip]
    next_page_token: str
    def __init__(self, clips: _Optional[_Iterable[_Union[Clip, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetThumbnailRequest(_message.Message):
    __slots__ = ("clip_id",)
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    def __init__(self, clip_id: _Optional[str] = ...) -> None: ...

class GetThumbnailResponse(_message.Message):
    __slots__ = ("jpeg",)
    JPEG_FIELD_NUMBER: _ClassVar[int]
    jpeg: bytes
    def __init__(self, jpeg: _Optional[bytes] = ...) -> None: ...

class FindPeopleRequest(_message.Message):
    __slots__ = ("clip_id", "range", "detector", "min_face", "corrections")
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    MIN_FACE_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    range: str
    detector: str
    min_face: int
    corrections: str
    def __init__(self, clip_id: _Optional[str] = ..., range: _Optional[str] = ..., detector: _Optional[str] = ..., min_face: _Optional[int] = ..., corrections: _Optional[str] = ...) -> None: ...

class FindPeopleResponse(_message.Message):
    __slots__ = ("people",)
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    people: _containers.RepeatedCompositeFieldContainer[Person]
    def __init__(self, people: _Optional[_Iterable[_Union[Person, _Mapping]]] = ...) -> None: ...

class Person(_message.Message):
    __slots__ = ("portrait", "frame", "tracks", "first_seen_s", "last_seen_s")
    PORTRAIT_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_S_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_S_FIELD_NUMBER: _ClassVar[int]
    portrait: bytes
    frame: int
    tracks: _containers.RepeatedScalarFieldContainer[int]
    first_seen_s: float
    last_seen_s: float
    def __init__(self, portrait: _Optional[bytes] = ..., frame: _Optional[int] = ..., tracks: _Optional[_Iterable[int]] = ..., first_seen_s: _Optional[float] = ..., last_seen_s: _Optional[float] = ...) -> None: ...

class ListTracksRequest(_message.Message):
    __slots__ = ("clip_id", "options", "points_first", "points_count")
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIRST_FIELD_NUMBER: _ClassVar[int]
    POINTS_COUNT_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    options: _job_pb2.SwapOptions
    points_first: int
    points_count: int
    def __init__(self, clip_id: _Optional[str] = ..., options: _Optional[_Union[_job_pb2.SwapOptions, _Mapping]] = ..., points_first: _Optional[int] = ..., points_count: _Optional[int] = ...) -> None: ...

class ListTracksResponse(_message.Message):
    __slots__ = ("shots", "tracks", "trouble", "warnings", "first_frame", "frame_count", "points")
    SHOTS_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    FRAME_COUNT_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    shots: _containers.RepeatedScalarFieldContainer[int]
    tracks: _containers.RepeatedCompositeFieldContainer[Track]
    trouble: _containers.RepeatedCompositeFieldContainer[Trouble]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    first_frame: int
    frame_count: int
    points: _containers.RepeatedCompositeFieldContainer[FacePoints]
    def __init__(self, shots: _Optional[_Iterable[int]] = ..., tracks: _Optional[_Iterable[_Union[Track, _Mapping]]] = ..., trouble: _Optional[_Iterable[_Union[Trouble, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ..., first_frame: _Optional[int] = ..., frame_count: _Optional[int] = ..., points: _Optional[_Iterable[_Union[FacePoints, _Mapping]]] = ...) -> None: ...

class Track(_message.Message):
    __slots__ = ("track", "person", "person_name", "shot", "first_frame", "last_frame", "first_seen_s", "last_seen_s", "size_px", "roll_degrees", "yaw_degrees", "confidence", "filled_frames", "swappable", "boxes")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    PERSON_NAME_FIELD_NUMBER: _ClassVar[int]
    SHOT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_S_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_S_FIELD_NUMBER: _ClassVar[int]
    SIZE_PX_FIELD_NUMBER: _ClassVar[int]
    ROLL_DEGREES_FIELD_NUMBER: _ClassVar[int]
    YAW_DEGREES_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    FILLED_FRAMES_FIELD_NUMBER: _ClassVar[int]
    SWAPPABLE_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    track: int
    person: int
    person_name: str
    shot: int
    first_frame: int
    last_frame: int
    first_seen_s: float
    last_seen_s: float
    size_px: float
    roll_degrees: _containers.RepeatedScalarFieldContainer[float]
    yaw_degrees: _containers.RepeatedScalarFieldContainer[float]
    confidence: float
    filled_frames: int
    swappable: float
    boxes: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, track: _Optional[int] = ..., person: _Optional[int] = ..., person_name: _Optional[str] = ..., shot: _Optional[int] = ..., first_frame: _Optional[int] = ..., last_frame: _Optional[int] = ..., first_seen_s: _Optional[float] = ..., last_seen_s: _Optional[float] = ..., size_px: _Optional[float] = ..., roll_degrees: _Optional[_Iterable[float]] = ..., yaw_degrees: _Optional[_Iterable[float]] = ..., confidence: _Optional[float] = ..., filled_frames: _Optional[int] = ..., swappable: _Optional[float] = ..., boxes: _Optional[_Iterable[float]] = ...) -> None: ...

class Trouble(_message.Message):
    __slots__ = ("reason", "track", "first_frame", "last_frame", "sentence")
    REASON_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    track: int
    first_frame: int
    last_frame: int
    sentence: str
    def __init__(self, reason: _Optional[str] = ..., track: _Optional[int] = ..., first_frame: _Optional[int] = ..., last_frame: _Optional[int] = ..., sentence: _Optional[str] = ...) -> None: ...

class FacePoints(_message.Message):
    __slots__ = ("track", "frame", "positions")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    track: int
    frame: int
    positions: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, track: _Optional[int] = ..., frame: _Optional[int] = ..., positions: _Optional[_Iterable[float]] = ...) -> None: ...

class CorrectTracksRequest(_message.Message):
    __slots__ = ("clip_id", "options", "split", "join", "drop", "assign", "box", "points", "more")
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    DROP_FIELD_NUMBER: _ClassVar[int]
    ASSIGN_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    options: _job_pb2.SwapOptions
    split: SplitTrack
    join: JoinTracks
    drop: DropTrack
    assign: AssignTrack
    box: PlaceBox
    points: MovePoints
    more: _containers.RepeatedCompositeFieldContainer[TrackCorrection]
    def __init__(self, clip_id: _Optional[str] = ..., options: _Optional[_Union[_job_pb2.SwapOptions, _Mapping]] = ..., split: _Optional[_Union[SplitTrack, _Mapping]] = ..., join: _Optional[_Union[JoinTracks, _Mapping]] = ..., drop: _Optional[_Union[DropTrack, _Mapping]] = ..., assign: _Optional[_Union[AssignTrack, _Mapping]] = ..., box: _Optional[_Union[PlaceBox, _Mapping]] = ..., points: _Optional[_Union[MovePoints, _Mapping]] = ..., more: _Optional[_Iterable[_Union[TrackCorrection, _Mapping]]] = ...) -> None: ...

class TrackCorrection(_message.Message):
    __slots__ = ("split", "join", "drop", "assign", "box", "points")
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    DROP_FIELD_NUMBER: _ClassVar[int]
    ASSIGN_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    split: SplitTrack
    join: JoinTracks
    drop: DropTrack
    assign: AssignTrack
    box: PlaceBox
    points: MovePoints
    def __init__(self, split: _Optional[_Union[SplitTrack, _Mapping]] = ..., join: _Optional[_Union[JoinTracks, _Mapping]] = ..., drop: _Optional[_Union[DropTrack, _Mapping]] = ..., assign: _Optional[_Union[AssignTrack, _Mapping]] = ..., box: _Optional[_Union[PlaceBox, _Mapping]] = ..., points: _Optional[_Union[MovePoints, _Mapping]] = ...) -> None: ...

class SplitTrack(_message.Message):
    __slots__ = ("track", "frame")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    track: int
    frame: int
    def __init__(self, track: _Optional[int] = ..., frame: _Optional[int] = ...) -> None: ...

class JoinTracks(_message.Message):
    __slots__ = ("track", "other")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    track: int
    other: int
    def __init__(self, track: _Optional[int] = ..., other: _Optional[int] = ...) -> None: ...

class DropTrack(_message.Message):
    __slots__ = ("track", "range")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    track: int
    range: str
    def __init__(self, track: _Optional[int] = ..., range: _Optional[str] = ...) -> None: ...

class AssignTrack(_message.Message):
    __slots__ = ("track", "person")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    track: int
    person: str
    def __init__(self, track: _Optional[int] = ..., person: _Optional[str] = ...) -> None: ...

class PlaceBox(_message.Message):
    __slots__ = ("frame", "left", "top", "width", "height", "angle")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ANGLE_FIELD_NUMBER: _ClassVar[int]
    frame: int
    left: float
    top: float
    width: float
    height: float
    angle: float
    def __init__(self, frame: _Optional[int] = ..., left: _Optional[float] = ..., top: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ..., angle: _Optional[float] = ...) -> None: ...

class MovePoints(_message.Message):
    __slots__ = ("frame", "track", "points")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    frame: int
    track: int
    points: _containers.RepeatedCompositeFieldContainer[MovedPoint]
    def __init__(self, frame: _Optional[int] = ..., track: _Optional[int] = ..., points: _Optional[_Iterable[_Union[MovedPoint, _Mapping]]] = ...) -> None: ...

class MovedPoint(_message.Message):
    __slots__ = ("index", "x", "y", "z")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    index: int
    x: float
    y: float
    z: float
    def __init__(self, index: _Optional[int] = ..., x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ...) -> None: ...

class CorrectTracksResponse(_message.Message):
    __slots__ = ("document", "description", "more_descriptions")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    MORE_DESCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    document: bytes
    description: str
    more_descriptions: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, document: _Optional[bytes] = ..., description: _Optional[str] = ..., more_descriptions: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteClipRequest(_message.Message):
    __slots__ = ("clip_id",)
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    def __init__(self, clip_id: _Optional[str] = ...) -> None: ...

class DeleteClipResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
