from recaster.api.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TrainingRun(_message.Message):
    __slots__ = ("variant", "settings", "folder")
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    variant: str
    settings: str
    folder: bytes
    def __init__(self, variant: _Optional[str] = ..., settings: _Optional[str] = ..., folder: _Optional[bytes] = ...) -> None: ...

class TrainingReport(_message.Message):
    __slots__ = ("progress", "judged_s")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    JUDGED_S_FIELD_NUMBER: _ClassVar[int]
    progress: _job_pb2.Progress
    judged_s: float
    def __init__(self, progress: _Optional[_Union[_job_pb2.Progress, _Mapping]] = ..., judged_s: _Optional[float] = ...) -> None: ...

class SpeedTask(_message.Message):
    __slots__ = ("work", "clip", "out", "first", "stop", "model", "source", "baseline_model", "device")
    WORK_FIELD_NUMBER: _ClassVar[int]
    CLIP_FIELD_NUMBER: _ClassVar[int]
    OUT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_MODEL_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    work: str
    clip: bytes
    out: bytes
    first: int
    stop: int
    model: bytes
    source: bytes
    baseline_model: bytes
    device: str
    def __init__(self, work: _Optional[str] = ..., clip: _Optional[bytes] = ..., out: _Optional[bytes] = ..., first: _Optional[int] = ..., stop: _Optional[int] = ..., model: _Optional[bytes] = ..., source: _Optional[bytes] = ..., baseline_model: _Optional[bytes] = ..., device: _Optional[str] = ...) -> None: ...

class SpeedResult(_message.Message):
    __slots__ = ("frames", "stages", "start_cpu_s", "peak_bytes")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    START_CPU_S_FIELD_NUMBER: _ClassVar[int]
    PEAK_BYTES_FIELD_NUMBER: _ClassVar[int]
    frames: int
    stages: _containers.RepeatedCompositeFieldContainer[StageTime]
    start_cpu_s: float
    peak_bytes: int
    def __init__(self, frames: _Optional[int] = ..., stages: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ..., start_cpu_s: _Optional[float] = ..., peak_bytes: _Optional[int] = ...) -> None: ...

class StageTime(_message.Message):
    __slots__ = ("name", "seconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    seconds: float
    def __init__(self, name: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...
