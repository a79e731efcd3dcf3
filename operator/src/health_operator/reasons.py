"""Why a condition is as it is and why an event was sent; CONDITIONS.md explains each and says what to do about it."""

from __future__ import annotations

from enum import StrEnum


class ConditionType(StrEnum):
    """In the order of the data path; Ready sums up those before SLOMet."""

    ACCEPTED = "Accepted"
    KAFKA_READY = "KafkaReady"
    SOURCES_READY = "SourcesReady"
    STREAMING_READY = "StreamingReady"
    CATALOG_READY = "CatalogReady"
    DATA_FLOWING = "DataFlowing"
    SLO_MET = "SLOMet"
    READY = "Ready"


class Reason(StrEnum):
    """Reasons of conditions. Ready takes over the reason of the first condition that is in its way."""

    # Accepted
    ACCEPTED = "Accepted"
    INVALID_SPEC = "InvalidSpec"
    APPROVAL_NEEDED = "ApprovalNeeded"
    STATE_LOST = "StateLost"
    NAME_CONFLICT = "NameConflict"
    APPLY_FAILED = "ApplyFailed"
    PROMETHEUS_OPERATOR_MISSING = "PrometheusOperatorMissing"
    PAUSED = "Paused"
    # any of the stages
    SUSPENDED = "Suspended"
    DELETING = "Deleting"
    NOT_APPLIED = "NotApplied"
    NOT_NEEDED = "NotNeeded"
    # KafkaReady
    KAFKA_RUNNING = "KafkaRunning"
    KAFKA_STARTING = "KafkaStarting"
    STRIMZI_MISSING = "StrimziMissing"
    TOPICS_MADE = "TopicsMade"
    TOPICS_PENDING = "TopicsPending"
    TOPICS_FAILED = "TopicsFailed"
    # SourcesReady
    SOURCES_RUNNING = "SourcesRunning"
    SOURCES_STARTING = "SourcesStarting"
    SOURCES_FAILING = "SourcesFailing"
    # StreamingReady
    STREAMS_RUNNING = "StreamsRunning"
    STREAMS_STARTING = "StreamsStarting"
    STREAM_FAILED = "StreamFailed"
    STREAM_SILENT = "StreamSilent"
    SPARK_OPERATOR_MISSING = "SparkOperatorMissing"
    # CatalogReady
    TRANSFORM_SUCCEEDED = "TransformSucceeded"
    TRANSFORM_NOT_DUE = "TransformNotDue"
    TRANSFORM_FAILED = "TransformFailed"
    TRANSFORM_WAITS = "TransformWaits"
    TRANSFORM_KEPT = "TransformKept"
    TRANSFORM_NOT_KEPT = "TransformNotKept"
    WAREHOUSE_NOT_READY = "WarehouseNotReady"
    CATALOG_NOT_KEPT = "CatalogNotKept"
    # DataFlowing and SLOMet
    EVENTS_ARRIVING = "EventsArriving"
    NO_EVENTS = "NoEvents"
    NOTHING_LANDED = "NothingLanded"
    WITHIN_TARGETS = "WithinTargets"
    TARGETS_MISSED = "TargetsMissed"
    NOT_MEASURED = "NotMeasured"
    MEASURES_UNREACHABLE = "MeasuresUnreachable"
    # Ready
    ALL_READY = "AllReady"


class Note(StrEnum):
    """Reasons of events."""

    SPEC_APPLIED = "SpecApplied"
    SPEC_REFUSED = "SpecRefused"
    APPROVAL_NEEDED = "ApprovalNeeded"
    STATE_LOST = "StateLost"
    ROLLED_BACK = "RolledBack"
    ROLLBACK_REFUSED = "RollbackRefused"
    PAUSED = "Paused"
    CREATED = "Created"
    RESTORED = "Restored"
    DRIFT_REPAIRED = "DriftRepaired"
    PRUNED = "Pruned"
    KEPT = "Kept"
    REPLACED = "Replaced"
    NAME_CONFLICT = "NameConflict"
    APPLY_FAILED = "ApplyFailed"
    STREAM_RESTARTED = "StreamRestarted"
    SCALED = "Scaled"
    READY = "Ready"
    NOT_READY = "NotReady"
    DELETING = "Deleting"
    TOPICS_KEPT = "TopicsKept"
    TOPICS_DELETED = "TopicsDeleted"
    FINALIZERS_REMOVED = "FinalizersRemoved"
    DELETION_FORCED = "DeletionForced"
