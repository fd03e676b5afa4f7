from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_QUEUED: _ClassVar[JobState]
    JOB_STATE_STARTING: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_PAUSING: _ClassVar[JobState]
    JOB_STATE_PAUSED: _ClassVar[JobState]
    JOB_STATE_CANCELLING: _ClassVar[JobState]
    JOB_STATE_SUCCEEDED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]
    JOB_STATE_BLOCKED: _ClassVar[JobState]

class JobKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_KIND_UNSPECIFIED: _ClassVar[JobKind]
    JOB_KIND_INGEST: _ClassVar[JobKind]
    JOB_KIND_EXTRACT: _ClassVar[JobKind]
    JOB_KIND_TRAIN: _ClassVar[JobKind]
    JOB_KIND_SWAP: _ClassVar[JobKind]
    JOB_KIND_EVALUATE: _ClassVar[JobKind]
    JOB_KIND_EXPORT: _ClassVar[JobKind]
    JOB_KIND_SIGN: _ClassVar[JobKind]
    JOB_KIND_ANONYMISE: _ClassVar[JobKind]

class IngestKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INGEST_KIND_UNSPECIFIED: _ClassVar[IngestKind]
    INGEST_KIND_CLIP: _ClassVar[IngestKind]
    INGEST_KIND_FACESET: _ClassVar[IngestKind]
    INGEST_KIND_MODEL: _ClassVar[IngestKind]
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_QUEUED: JobState
JOB_STATE_STARTING: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_PAUSING: JobState
JOB_STATE_PAUSED: JobState
JOB_STATE_CANCELLING: JobState
JOB_STATE_SUCCEEDED: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState
JOB_STATE_BLOCKED: JobState
JOB_KIND_UNSPECIFIED: JobKind
JOB_KIND_INGEST: JobKind
JOB_KIND_EXTRACT: JobKind
JOB_KIND_TRAIN: JobKind
JOB_KIND_SWAP: JobKind
JOB_KIND_EVALUATE: JobKind
JOB_KIND_EXPORT: JobKind
JOB_KIND_SIGN: JobKind
JOB_KIND_ANONYMISE: JobKind
INGEST_KIND_UNSPECIFIED: IngestKind
INGEST_KIND_CLIP: IngestKind
INGEST_KIND_FACESET: IngestKind
INGEST_KIND_MODEL: IngestKind

class Job(_message.Message):
    __slots__ = ("job_id", "kind", "spec", "state", "progress", "error", "result", "attempts", "last_seq", "labels", "create_time", "start_time", "end_time", "created_by", "turn")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    kind: JobKind
    spec: JobSpec
    state: JobState
    progress: Progress
    error: JobError
    result: JobResult
    attempts: int
    last_seq: int
    labels: _containers.ScalarMap[str, str]
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    created_by: str
    turn: int
    def __init__(self, job_id: _Optional[str] = ..., kind: _Optional[_Union[JobKind, str]] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., state: _Optional[_Union[JobState, str]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., error: _Optional[_Union[JobError, _Mapping]] = ..., result: _Optional[_Union[JobResult, _Mapping]] = ..., attempts: _Optional[int] = ..., last_seq: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., created_by: _Optional[str] = ..., turn: _Optional[int] = ...) -> None: ...

class JobSpec(_message.Message):
    __slots__ = ("ingest", "extract", "train", "swap", "evaluate", "export", "sign", "anonymise")
    INGEST_FIELD_NUMBER: _ClassVar[int]
    EXTRACT_FIELD_NUMBER: _ClassVar[int]
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    SWAP_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_FIELD_NUMBER: _ClassVar[int]
    SIGN_FIELD_NUMBER: _ClassVar[int]
    ANONYMISE_FIELD_NUMBER: _ClassVar[int]
    ingest: IngestSpec
    extract: ExtractSpec
    train: TrainSpec
    swap: SwapSpec
    evaluate: EvaluateSpec
    export: ExportSpec
    sign: SignSpec
    anonymise: AnonymiseSpec
    def __init__(self, ingest: _Optional[_Union[IngestSpec, _Mapping]] = ..., extract: _Optional[_Union[ExtractSpec, _Mapping]] = ..., train: _Optional[_Union[TrainSpec, _Mapping]] = ..., swap: _Optional[_Union[SwapSpec, _Mapping]] = ..., evaluate: _Optional[_Union[EvaluateSpec, _Mapping]] = ..., export: _Optional[_Union[ExportSpec, _Mapping]] = ..., sign: _Optional[_Union[SignSpec, _Mapping]] = ..., anonymise: _Optional[_Union[AnonymiseSpec, _Mapping]] = ...) -> None: ...

class IngestSpec(_message.Message):
    __slots__ = ("digest", "kind", "display_name", "identity_id")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    digest: str
    kind: IngestKind
    display_name: str
    identity_id: str
    def __init__(self, digest: _Optional[str] = ..., kind: _Optional[_Union[IngestKind, str]] = ..., display_name: _Optional[str] = ..., identity_id: _Optional[str] = ...) -> None: ...

class ExtractInput(_message.Message):
    __slots__ = ("clip_id", "picture", "corrections")
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    picture: Picture
    corrections: str
    def __init__(self, clip_id: _Optional[str] = ..., picture: _Optional[_Union[Picture, _Mapping]] = ..., corrections: _Optional[str] = ...) -> None: ...

class Picture(_message.Message):
    __slots__ = ("digest", "display_name")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    digest: str
    display_name: str
    def __init__(self, digest: _Optional[str] = ..., display_name: _Optional[str] = ...) -> None: ...

class ExtractSpec(_message.Message):
    __slots__ = ("inputs", "faceset_id", "display_name", "identity_id", "options")
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    inputs: _containers.RepeatedCompositeFieldContainer[ExtractInput]
    faceset_id: str
    display_name: str
    identity_id: str
    options: ExtractOptions
    def __init__(self, inputs: _Optional[_Iterable[_Union[ExtractInput, _Mapping]]] = ..., faceset_id: _Optional[str] = ..., display_name: _Optional[str] = ..., identity_id: _Optional[str] = ..., options: _Optional[_Union[ExtractOptions, _Mapping]] = ...) -> None: ...

class ExtractOptions(_message.Message):
    __slots__ = ("person", "everyone", "every", "range", "detector", "min_face", "min_area", "size", "note", "input_colour_space", "frame_rate", "input_layer")
    PERSON_FIELD_NUMBER: _ClassVar[int]
    EVERYONE_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    MIN_FACE_FIELD_NUMBER: _ClassVar[int]
    MIN_AREA_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    INPUT_COLOUR_SPACE_FIELD_NUMBER: _ClassVar[int]
    FRAME_RATE_FIELD_NUMBER: _ClassVar[int]
    INPUT_LAYER_FIELD_NUMBER: _ClassVar[int]
    person: str
    everyone: bool
    every: int
    range: str
    detector: str
    min_face: int
    min_area: float
    size: int
    note: str
    input_colour_space: str
    frame_rate: str
    input_layer: str
    def __init__(self, person: _Optional[str] = ..., everyone: bool = ..., every: _Optional[int] = ..., range: _Optional[str] = ..., detector: _Optional[str] = ..., min_face: _Optional[int] = ..., min_area: _Optional[float] = ..., size: _Optional[int] = ..., note: _Optional[str] = ..., input_colour_space: _Optional[str] = ..., frame_rate: _Optional[str] = ..., input_layer: _Optional[str] = ...) -> None: ...

class TrainSpec(_message.Message):
    __slots__ = ("model_id", "display_name", "source_faceset_id", "target_faceset_id", "options")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    display_name: str
    source_faceset_id: str
    target_faceset_id: str
    options: TrainOptions
    def __init__(self, model_id: _Optional[str] = ..., display_name: _Optional[str] = ..., source_faceset_id: _Optional[str] = ..., target_faceset_id: _Optional[str] = ..., options: _Optional[_Union[TrainOptions, _Mapping]] = ...) -> None: ...

class TrainOptions(_message.Message):
    __slots__ = ("preset", "minutes", "steps", "seed", "threads", "device", "ingredients")
    class IngredientsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PRESET_FIELD_NUMBER: _ClassVar[int]
    MINUTES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    INGREDIENTS_FIELD_NUMBER: _ClassVar[int]
    preset: str
    minutes: float
    steps: int
    seed: int
    threads: int
    device: str
    ingredients: _containers.ScalarMap[str, str]
    def __init__(self, preset: _Optional[str] = ..., minutes: _Optional[float] = ..., steps: _Optional[int] = ..., seed: _Optional[int] = ..., threads: _Optional[int] = ..., device: _Optional[str] = ..., ingredients: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SwapSpec(_message.Message):
    __slots__ = ("clip_id", "model_id", "faceset_id", "options", "suffix", "matte", "without_manifest", "report", "layers", "pictures", "layers_pictures", "overlay", "cast", "cast_may_lack")
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SUFFIX_FIELD_NUMBER: _ClassVar[int]
    MATTE_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_MANIFEST_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    LAYERS_PICTURES_FIELD_NUMBER: _ClassVar[int]
    OVERLAY_FIELD_NUMBER: _ClassVar[int]
    CAST_FIELD_NUMBER: _ClassVar[int]
    CAST_MAY_LACK_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    model_id: str
    faceset_id: str
    options: SwapOptions
    suffix: str
    matte: bool
    without_manifest: bool
    report: bool
    layers: _containers.RepeatedScalarFieldContainer[str]
    pictures: str
    layers_pictures: str
    overlay: bool
    cast: _containers.RepeatedCompositeFieldContainer[CastMember]
    cast_may_lack: bool
    def __init__(self, clip_id: _Optional[str] = ..., model_id: _Optional[str] = ..., faceset_id: _Optional[str] = ..., options: _Optional[_Union[SwapOptions, _Mapping]] = ..., suffix: _Optional[str] = ..., matte: bool = ..., without_manifest: bool = ..., report: bool = ..., layers: _Optional[_Iterable[str]] = ..., pictures: _Optional[str] = ..., layers_pictures: _Optional[str] = ..., overlay: bool = ..., cast: _Optional[_Iterable[_Union[CastMember, _Mapping]]] = ..., cast_may_lack: bool = ...) -> None: ...

class CastMember(_message.Message):
    __slots__ = ("name", "model_id", "faceset_id", "track", "person_number", "person_name", "person", "everyone", "look", "matte")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    PERSON_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PERSON_NAME_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    EVERYONE_FIELD_NUMBER: _ClassVar[int]
    LOOK_FIELD_NUMBER: _ClassVar[int]
    MATTE_FIELD_NUMBER: _ClassVar[int]
    name: str
    model_id: str
    faceset_id: str
    track: int
    person_number: int
    person_name: str
    person: str
    everyone: bool
    look: SwapOptions
    matte: bool
    def __init__(self, name: _Optional[str] = ..., model_id: _Optional[str] = ..., faceset_id: _Optional[str] = ..., track: _Optional[int] = ..., person_number: _Optional[int] = ..., person_name: _Optional[str] = ..., person: _Optional[str] = ..., everyone: bool = ..., look: _Optional[_Union[SwapOptions, _Mapping]] = ..., matte: bool = ...) -> None: ...

class SwapOptions(_message.Message):
    __slots__ = ("range", "person", "track", "everyone", "detector", "landmarker", "min_face", "smoothing", "mask", "feather", "erode", "scale", "colour", "codec", "quality", "encoder_preset", "pixel_format", "threads", "device", "label", "label_language", "label_corner", "label_size", "sound", "square_pixels", "input_colour_space", "profile", "encoder", "frame_rate", "input_layer", "layers_alpha", "keep", "keep_feather", "strength", "expression", "gaze", "corrections", "changes", "draft", "stills", "keep_out", "keep_in")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    EVERYONE_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    LANDMARKER_FIELD_NUMBER: _ClassVar[int]
    MIN_FACE_FIELD_NUMBER: _ClassVar[int]
    SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    FEATHER_FIELD_NUMBER: _ClassVar[int]
    ERODE_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    COLOUR_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    ENCODER_PRESET_FIELD_NUMBER: _ClassVar[int]
    PIXEL_FORMAT_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    LABEL_LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    LABEL_CORNER_FIELD_NUMBER: _ClassVar[int]
    LABEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    SOUND_FIELD_NUMBER: _ClassVar[int]
    SQUARE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    INPUT_COLOUR_SPACE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ENCODER_FIELD_NUMBER: _ClassVar[int]
    FRAME_RATE_FIELD_NUMBER: _ClassVar[int]
    INPUT_LAYER_FIELD_NUMBER: _ClassVar[int]
    LAYERS_ALPHA_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    KEEP_FEATHER_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    GAZE_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    DRAFT_FIELD_NUMBER: _ClassVar[int]
    STILLS_FIELD_NUMBER: _ClassVar[int]
    KEEP_OUT_FIELD_NUMBER: _ClassVar[int]
    KEEP_IN_FIELD_NUMBER: _ClassVar[int]
    range: str
    person: str
    track: int
    everyone: bool
    detector: str
    landmarker: str
    min_face: int
    smoothing: str
    mask: str
    feather: float
    erode: float
    scale: float
    colour: str
    codec: str
    quality: int
    encoder_preset: str
    pixel_format: str
    threads: int
    device: str
    label: str
    label_language: str
    label_corner: str
    label_size: float
    sound: str
    square_pixels: bool
    input_colour_space: str
    profile: str
    encoder: str
    frame_rate: str
    input_layer: str
    layers_alpha: str
    keep: _containers.RepeatedScalarFieldContainer[str]
    keep_feather: float
    strength: float
    expression: float
    gaze: float
    corrections: str
    changes: _containers.RepeatedCompositeFieldContainer[LookChange]
    draft: bool
    stills: bool
    keep_out: str
    keep_in: str
    def __init__(self, range: _Optional[str] = ..., person: _Optional[str] = ..., track: _Optional[int] = ..., everyone: bool = ..., detector: _Optional[str] = ..., landmarker: _Optional[str] = ..., min_face: _Optional[int] = ..., smoothing: _Optional[str] = ..., mask: _Optional[str] = ..., feather: _Optional[float] = ..., erode: _Optional[float] = ..., scale: _Optional[float] = ..., colour: _Optional[str] = ..., codec: _Optional[str] = ..., quality: _Optional[int] = ..., encoder_preset: _Optional[str] = ..., pixel_format: _Optional[str] = ..., threads: _Optional[int] = ..., device: _Optional[str] = ..., label: _Optional[str] = ..., label_language: _Optional[str] = ..., label_corner: _Optional[str] = ..., label_size: _Optional[float] = ..., sound: _Optional[str] = ..., square_pixels: bool = ..., input_colour_space: _Optional[str] = ..., profile: _Optional[str] = ..., encoder: _Optional[str] = ..., frame_rate: _Optional[str] = ..., input_layer: _Optional[str] = ..., layers_alpha: _Optional[str] = ..., keep: _Optional[_Iterable[str]] = ..., keep_feather: _Optional[float] = ..., strength: _Optional[float] = ..., expression: _Optional[float] = ..., gaze: _Optional[float] = ..., corrections: _Optional[str] = ..., changes: _Optional[_Iterable[_Union[LookChange, _Mapping]]] = ..., draft: bool = ..., stills: bool = ..., keep_out: _Optional[str] = ..., keep_in: _Optional[str] = ...) -> None: ...

class LookChange(_message.Message):
    __slots__ = ("range", "values", "smooth")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RANGE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    SMOOTH_FIELD_NUMBER: _ClassVar[int]
    range: str
    values: _containers.ScalarMap[str, str]
    smooth: bool
    def __init__(self, range: _Optional[str] = ..., values: _Optional[_Mapping[str, str]] = ..., smooth: bool = ...) -> None: ...

class AnonymiseSpec(_message.Message):
    __slots__ = ("swap", "coverage", "fallback", "margin")
    SWAP_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    swap: SwapSpec
    coverage: float
    fallback: str
    margin: float
    def __init__(self, swap: _Optional[_Union[SwapSpec, _Mapping]] = ..., coverage: _Optional[float] = ..., fallback: _Optional[str] = ..., margin: _Optional[float] = ...) -> None: ...

class EvaluateSpec(_message.Message):
    __slots__ = ("original_clip_id", "swapped_clip_id", "source_faceset_id", "target_faceset_id", "gallery_faceset_ids", "range", "person", "track", "corrections")
    ORIGINAL_CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    SWAPPED_CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    GALLERY_FACESET_IDS_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    original_clip_id: str
    swapped_clip_id: str
    source_faceset_id: str
    target_faceset_id: str
    gallery_faceset_ids: _containers.RepeatedScalarFieldContainer[str]
    range: str
    person: str
    track: int
    corrections: str
    def __init__(self, original_clip_id: _Optional[str] = ..., swapped_clip_id: _Optional[str] = ..., source_faceset_id: _Optional[str] = ..., target_faceset_id: _Optional[str] = ..., gallery_faceset_ids: _Optional[_Iterable[str]] = ..., range: _Optional[str] = ..., person: _Optional[str] = ..., track: _Optional[int] = ..., corrections: _Optional[str] = ...) -> None: ...

class ExportSpec(_message.Message):
    __slots__ = ("faceset_id", "model_id")
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    faceset_id: str
    model_id: str
    def __init__(self, faceset_id: _Optional[str] = ..., model_id: _Optional[str] = ...) -> None: ...

class SignSpec(_message.Message):
    __slots__ = ("digest", "display_name", "swaps")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    SWAPS_FIELD_NUMBER: _ClassVar[int]
    digest: str
    display_name: str
    swaps: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, digest: _Optional[str] = ..., display_name: _Optional[str] = ..., swaps: _Optional[_Iterable[str]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("stage", "done", "total", "unit", "detail")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    stage: str
    done: float
    total: float
    unit: str
    detail: str
    def __init__(self, stage: _Optional[str] = ..., done: _Optional[float] = ..., total: _Optional[float] = ..., unit: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class JobError(_message.Message):
    __slots__ = ("reason", "message", "exit_code")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    exit_code: int
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ..., exit_code: _Optional[int] = ...) -> None: ...

class JobResult(_message.Message):
    __slots__ = ("clip_id", "faceset_id", "model_id", "artifacts", "summary", "warnings", "coverage", "mark")
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    FACESET_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    clip_id: str
    faceset_id: str
    model_id: str
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    summary: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    coverage: SwapCoverage
    mark: str
    def __init__(self, clip_id: _Optional[str] = ..., faceset_id: _Optional[str] = ..., model_id: _Optional[str] = ..., artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ..., summary: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ..., coverage: _Optional[_Union[SwapCoverage, _Mapping]] = ..., mark: _Optional[str] = ...) -> None: ...

class SwapCoverage(_message.Message):
    __slots__ = ("first", "frames", "swapped", "ranges", "cast")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SWAPPED_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    CAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    frames: int
    swapped: int
    ranges: _containers.RepeatedCompositeFieldContainer[UnswappedRange]
    cast: _containers.RepeatedCompositeFieldContainer[MemberCoverage]
    def __init__(self, first: _Optional[int] = ..., frames: _Optional[int] = ..., swapped: _Optional[int] = ..., ranges: _Optional[_Iterable[_Union[UnswappedRange, _Mapping]]] = ..., cast: _Optional[_Iterable[_Union[MemberCoverage, _Mapping]]] = ...) -> None: ...

class MemberCoverage(_message.Message):
    __slots__ = ("name", "tracks", "frames", "swapped")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SWAPPED_FIELD_NUMBER: _ClassVar[int]
    name: str
    tracks: _containers.RepeatedScalarFieldContainer[int]
    frames: int
    swapped: int
    def __init__(self, name: _Optional[str] = ..., tracks: _Optional[_Iterable[int]] = ..., frames: _Optional[int] = ..., swapped: _Optional[int] = ...) -> None: ...

class UnswappedRange(_message.Message):
    __slots__ = ("first", "last", "reason", "covered", "sentence")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COVERED_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    reason: str
    covered: float
    sentence: str
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ..., reason: _Optional[str] = ..., covered: _Optional[float] = ..., sentence: _Optional[str] = ...) -> None: ...

class Artifact(_message.Message):
    __slots__ = ("role", "digest", "size", "suffix")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SUFFIX_FIELD_NUMBER: _ClassVar[int]
    role: str
    digest: str
    size: int
    suffix: str
    def __init__(self, role: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ..., suffix: _Optional[str] = ...) -> None: ...

class CreateJobRequest(_message.Message):
    __slots__ = ("spec", "request_id", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SPEC_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    spec: JobSpec
    request_id: str
    labels: _containers.ScalarMap[str, str]
    def __init__(self, spec: _Optional[_Union[JobSpec, _Mapping]] = ..., request_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "states", "kinds", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[JobState]
    kinds: _containers.RepeatedScalarFieldContainer[JobKind]
    labels: _containers.ScalarMap[str, str]
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[JobState, str]]] = ..., kinds: _Optional[_Iterable[_Union[JobKind, str]]] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PauseJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class ResumeJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class MoveJobRequest(_message.Message):
    __slots__ = ("job_id", "before_job_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    BEFORE_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    before_job_id: str
    def __init__(self, job_id: _Optional[str] = ..., before_job_id: _Optional[str] = ...) -> None: ...

class DeleteJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class DeleteJobResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("job_id", "after_seq", "previews", "logs")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    PREVIEWS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    after_seq: int
    previews: bool
    logs: bool
    def __init__(self, job_id: _Optional[str] = ..., after_seq: _Optional[int] = ..., previews: bool = ..., logs: bool = ...) -> None: ...

class JobEvent(_message.Message):
    __slots__ = ("seq", "time", "job", "progress", "preview", "log", "keep_alive")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    KEEP_ALIVE_FIELD_NUMBER: _ClassVar[int]
    seq: int
    time: _timestamp_pb2.Timestamp
    job: Job
    progress: Progress
    preview: Preview
    log: LogLine
    keep_alive: KeepAlive
    def __init__(self, seq: _Optional[int] = ..., time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., job: _Optional[_Union[Job, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., preview: _Optional[_Union[Preview, _Mapping]] = ..., log: _Optional[_Union[LogLine, _Mapping]] = ..., keep_alive: _Optional[_Union[KeepAlive, _Mapping]] = ...) -> None: ...

class KeepAlive(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Preview(_message.Message):
    __slots__ = ("digest", "step")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    digest: str
    step: int
    def __init__(self, digest: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("level", "message")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    level: str
    message: str
    def __init__(self, level: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
