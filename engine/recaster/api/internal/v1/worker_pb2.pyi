from recaster.api.v1 import clip_pb2 as _clip_pb2
from recaster.api.v1 import faceset_pb2 as _faceset_pb2
from recaster.api.v1 import job_pb2 as _job_pb2
from recaster.api.v1 import model_pb2 as _model_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WorkerRequest(_message.Message):
    __slots__ = ("task", "stop")
    TASK_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    task: WorkerTask
    stop: StopRequest
    def __init__(self, task: _Optional[_Union[WorkerTask, _Mapping]] = ..., stop: _Optional[_Union[StopRequest, _Mapping]] = ...) -> None: ...

class WorkerTask(_message.Message):
    __slots__ = ("job_id", "attempt", "spec", "folder", "files", "clips", "facesets", "models", "made", "device", "limits", "grant", "cluster")
    class FilesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    class ClipsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: NamedBlob
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[NamedBlob, _Mapping]] = ...) -> None: ...
    class FacesetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    class ModelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    FACESETS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    MADE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    attempt: int
    spec: _job_pb2.JobSpec
    folder: bytes
    files: _containers.ScalarMap[str, bytes]
    clips: _containers.MessageMap[str, NamedBlob]
    facesets: _containers.ScalarMap[str, bytes]
    models: _containers.ScalarMap[str, bytes]
    made: str
    device: str
    limits: ProcessLimits
    grant: Grant
    cluster: Cluster
    def __init__(self, job_id: _Optional[str] = ..., attempt: _Optional[int] = ..., spec: _Optional[_Union[_job_pb2.JobSpec, _Mapping]] = ..., folder: _Optional[bytes] = ..., files: _Optional[_Mapping[str, bytes]] = ..., clips: _Optional[_Mapping[str, NamedBlob]] = ..., facesets: _Optional[_Mapping[str, bytes]] = ..., models: _Optional[_Mapping[str, bytes]] = ..., made: _Optional[str] = ..., device: _Optional[str] = ..., limits: _Optional[_Union[ProcessLimits, _Mapping]] = ..., grant: _Optional[_Union[Grant, _Mapping]] = ..., cluster: _Optional[_Union[Cluster, _Mapping]] = ...) -> None: ...

class Cluster(_message.Message):
    __slots__ = ("executor", "ray_address", "ray_cpus", "ray_gpus", "ray_memory_gib", "ray_labels", "storage", "storage_cache_gib", "storage_patience_s", "shared_folders")
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    RAY_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RAY_CPUS_FIELD_NUMBER: _ClassVar[int]
    RAY_GPUS_FIELD_NUMBER: _ClassVar[int]
    RAY_MEMORY_GIB_FIELD_NUMBER: _ClassVar[int]
    RAY_LABELS_FIELD_NUMBER: _ClassVar[int]
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    STORAGE_CACHE_GIB_FIELD_NUMBER: _ClassVar[int]
    STORAGE_PATIENCE_S_FIELD_NUMBER: _ClassVar[int]
    SHARED_FOLDERS_FIELD_NUMBER: _ClassVar[int]
    executor: str
    ray_address: str
    ray_cpus: float
    ray_gpus: float
    ray_memory_gib: float
    ray_labels: _containers.RepeatedScalarFieldContainer[str]
    storage: str
    storage_cache_gib: float
    storage_patience_s: float
    shared_folders: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, executor: _Optional[str] = ..., ray_address: _Optional[str] = ..., ray_cpus: _Optional[float] = ..., ray_gpus: _Optional[float] = ..., ray_memory_gib: _Optional[float] = ..., ray_labels: _Optional[_Iterable[str]] = ..., storage: _Optional[str] = ..., storage_cache_gib: _Optional[float] = ..., storage_patience_s: _Optional[float] = ..., shared_folders: _Optional[_Iterable[str]] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("mark", "signer", "vetting")
    MARK_FIELD_NUMBER: _ClassVar[int]
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    VETTING_FIELD_NUMBER: _ClassVar[int]
    mark: ProvenanceMark
    signer: Signer
    vetting: VettingRules
    def __init__(self, mark: _Optional[_Union[ProvenanceMark, _Mapping]] = ..., signer: _Optional[_Union[Signer, _Mapping]] = ..., vetting: _Optional[_Union[VettingRules, _Mapping]] = ...) -> None: ...

class ProvenanceMark(_message.Message):
    __slots__ = ("signer", "audit", "statements")
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    signer: Signer
    audit: str
    statements: _containers.RepeatedCompositeFieldContainer[Statement]
    def __init__(self, signer: _Optional[_Union[Signer, _Mapping]] = ..., audit: _Optional[str] = ..., statements: _Optional[_Iterable[_Union[Statement, _Mapping]]] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("basis", "nonce", "identity", "document")
    BASIS_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    basis: str
    nonce: str
    identity: str
    document: str
    def __init__(self, basis: _Optional[str] = ..., nonce: _Optional[str] = ..., identity: _Optional[str] = ..., document: _Optional[str] = ...) -> None: ...

class Signer(_message.Message):
    __slots__ = ("certificate", "key", "local", "timestamp")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    certificate: bytes
    key: bytes
    local: bool
    timestamp: str
    def __init__(self, certificate: _Optional[bytes] = ..., key: _Optional[bytes] = ..., local: bool = ..., timestamp: _Optional[str] = ...) -> None: ...

class VettingRules(_message.Message):
    __slots__ = ("made_here", "own", "trust", "bases", "document", "label")
    MADE_HERE_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    made_here: _containers.RepeatedScalarFieldContainer[str]
    own: _containers.RepeatedScalarFieldContainer[bytes]
    trust: bytes
    bases: _containers.RepeatedScalarFieldContainer[str]
    document: bool
    label: bool
    def __init__(self, made_here: _Optional[_Iterable[str]] = ..., own: _Optional[_Iterable[bytes]] = ..., trust: _Optional[bytes] = ..., bases: _Optional[_Iterable[str]] = ..., document: bool = ..., label: bool = ...) -> None: ...

class NamedBlob(_message.Message):
    __slots__ = ("digest", "name")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    digest: str
    name: str
    def __init__(self, digest: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ProcessLimits(_message.Message):
    __slots__ = ("memory_bytes", "cpu_s", "file_bytes", "offline", "data_bytes", "spare_bytes", "left_bytes", "most_bytes")
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    CPU_S_FIELD_NUMBER: _ClassVar[int]
    FILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    DATA_BYTES_FIELD_NUMBER: _ClassVar[int]
    SPARE_BYTES_FIELD_NUMBER: _ClassVar[int]
    LEFT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MOST_BYTES_FIELD_NUMBER: _ClassVar[int]
    memory_bytes: int
    cpu_s: int
    file_bytes: int
    offline: bool
    data_bytes: int
    spare_bytes: int
    left_bytes: int
    most_bytes: int
    def __init__(self, memory_bytes: _Optional[int] = ..., cpu_s: _Optional[int] = ..., file_bytes: _Optional[int] = ..., offline: bool = ..., data_bytes: _Optional[int] = ..., spare_bytes: _Optional[int] = ..., left_bytes: _Optional[int] = ..., most_bytes: _Optional[int] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WorkerMessage(_message.Message):
    __slots__ = ("progress", "step", "preview", "log", "done", "stopped", "failed")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    progress: _job_pb2.Progress
    step: StepTaken
    preview: PreviewFile
    log: _job_pb2.LogLine
    done: FinishedJob
    stopped: JobStopped
    failed: JobFailure
    def __init__(self, progress: _Optional[_Union[_job_pb2.Progress, _Mapping]] = ..., step: _Optional[_Union[StepTaken, _Mapping]] = ..., preview: _Optional[_Union[PreviewFile, _Mapping]] = ..., log: _Optional[_Union[_job_pb2.LogLine, _Mapping]] = ..., done: _Optional[_Union[FinishedJob, _Mapping]] = ..., stopped: _Optional[_Union[JobStopped, _Mapping]] = ..., failed: _Optional[_Union[JobFailure, _Mapping]] = ...) -> None: ...

class StepTaken(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PreviewFile(_message.Message):
    __slots__ = ("path", "step")
    PATH_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    step: int
    def __init__(self, path: _Optional[bytes] = ..., step: _Optional[int] = ...) -> None: ...

class JobStopped(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FinishedJob(_message.Message):
    __slots__ = ("clip", "faceset", "model", "files", "summary", "warnings", "traces", "coverage", "mark")
    CLIP_FIELD_NUMBER: _ClassVar[int]
    FACESET_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    clip: _clip_pb2.Clip
    faceset: _faceset_pb2.Faceset
    model: _model_pb2.Model
    files: _containers.RepeatedCompositeFieldContainer[MadeFile]
    summary: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    traces: Traces
    coverage: _job_pb2.SwapCoverage
    mark: str
    def __init__(self, clip: _Optional[_Union[_clip_pb2.Clip, _Mapping]] = ..., faceset: _Optional[_Union[_faceset_pb2.Faceset, _Mapping]] = ..., model: _Optional[_Union[_model_pb2.Model, _Mapping]] = ..., files: _Optional[_Iterable[_Union[MadeFile, _Mapping]]] = ..., summary: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ..., traces: _Optional[_Union[Traces, _Mapping]] = ..., coverage: _Optional[_Union[_job_pb2.SwapCoverage, _Mapping]] = ..., mark: _Optional[str] = ...) -> None: ...

class MadeFile(_message.Message):
    __slots__ = ("role", "path", "digest", "size")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    role: str
    path: bytes
    digest: str
    size: int
    def __init__(self, role: _Optional[str] = ..., path: _Optional[bytes] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class JobFailure(_message.Message):
    __slots__ = ("error", "damaged")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_FIELD_NUMBER: _ClassVar[int]
    error: _job_pb2.JobError
    damaged: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, error: _Optional[_Union[_job_pb2.JobError, _Mapping]] = ..., damaged: _Optional[_Iterable[str]] = ...) -> None: ...

class Traces(_message.Message):
    __slots__ = ("digests", "faces")
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    digests: _containers.RepeatedScalarFieldContainer[str]
    faces: _containers.RepeatedCompositeFieldContainer[TracedFace]
    def __init__(self, digests: _Optional[_Iterable[str]] = ..., faces: _Optional[_Iterable[_Union[TracedFace, _Mapping]]] = ...) -> None: ...

class TracedFace(_message.Message):
    __slots__ = ("embedding", "share")
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    embedding: _containers.RepeatedScalarFieldContainer[float]
    share: float
    def __init__(self, embedding: _Optional[_Iterable[float]] = ..., share: _Optional[float] = ...) -> None: ...
