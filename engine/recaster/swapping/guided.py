"""The guided swapper: the source's likeness on the target's motion, finished by a network if there is one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, Protocol

import cv2
import numpy as np

from recaster.appearance.light import match_detail
from recaster.errors import UsageError
from recaster.faces import alignment, geometry, topology
from recaster.faces.neutral_shape import mesh_to_crop
from recaster.faces.pose import head_poses
from recaster.faces.smoothing import smooth
from recaster.faces.types import SwappedFace
from recaster.likeness.conditioning import CHANNELS, draw
from recaster.likeness.likeness import Likeness
from recaster.likeness.mouth import transfer_mouth_interior
from recaster.likeness.references import REGIONS
from recaster.likeness.retarget import Gains, fit_lips, morph_shape, retarget
from recaster.models.tensors import load_tensors
from recaster.networks.guided_litert import LiteSwap
from recaster.settings.detection import Smoothing
from recaster.settings.look_course import PLAIN_COURSE, LookCourse
from recaster.swapping.swapper import TrackPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.neutral_shape import NeutralShape
    from recaster.faces.types import FaceTrack, Floats
    from recaster.facesets.faceset import Faceset
    from recaster.models.model_folder import ModelFolder
    from recaster.settings.look import LookSettings
    from recaster.swapping.swapper import PlannedFace

UNTRAINED_SIZE = 256
"""Side of the crop of a swap without a network: the warp is as sharp as the source's frames."""

_WEIGHT_SMOOTHING = {"rest": 64.0, "mouth": 4.0, "eyes": 1.0}
"""Strength of the smoothing of references' weights, by region: flicker against expressions that arrive late.
Eyes move fastest. See docs/experiments.md."""
_MIN_REFERENCE_SHARE = 0.05
"""References with a smaller share of the largest weight are left out: many at once blur, and cost time."""
_GAIN_KNOTS: Final = (0.0, 0.5, 1.0, 1.5)
"""Gains of expression and gaze for which references are chosen; between them weights are interpolated."""
HANDOVER_YAW_DEG: Final = (44.0, 56.0)
"""Yaw up to which a face is shown whole, and from which on it isn't. A face that is drawn from frontal frames
has no side to show: from some angle on the performer's own profile is nearer to the true swap than what can
be drawn. With rendered actors whose true swap is known both are equally far from it at 53 degrees
(docs/robustness.md)."""
HANDOVER_S: Final = 0.4
"""A face comes and goes in no less than this."""
GLASSES: Final = (
    "the source wears glasses: they were taken off, and the skin behind their rims is made up; "
    "film the source without glasses to have its own"
)


_FITTED_LIPS: Final = frozenset(("inner-mouth", "beard"))  # parts kept whose border runs along the lips


class Network(Protocol):
    """Finisher of warps: ``GuidedSwap`` or ``LiteSwap``."""

    def finish(self, conditions: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Paints faces (B, side, side, 3) uint8 RGB from conditions (B, side, side, CHANNELS) uint8."""


class GuidedSwapper:
    """See ``Swapper``.

    Args:
        size: side of the crops in pixels.
        digest: digest of what the likeness and network were read from.
        network: finishes the warp; None shows the warp itself.
    """

    def __init__(self, likeness: Likeness, size: int, digest: str, network: Network | None = None) -> None:
        self.likeness = likeness
        self.size = size
        self.digest = digest
        self.can_reshape = True
        glasses = (GLASSES,) if likeness.had_glasses else ()
        self.warnings = (*glasses, likeness.gaps) if likeness.gaps else glasses
        self._network = network
        self._reference = mesh_to_crop(likeness.mesh, size)

    @classmethod
    def from_faceset(cls, faceset: Faceset) -> GuidedSwapper:
        """A swap at once: the likeness of a faceset, no training."""
        return cls(Likeness.from_faceset(faceset), UNTRAINED_SIZE, faceset.digest())

    @classmethod
    def from_model(cls, folder: ModelFolder, *, gpu: bool = False) -> GuidedSwapper:
        """Reads a trained model; with ``gpu``, TensorFlow runs its network, on the device that was chosen."""
        chosen = folder.read().preset
        likeness = Likeness.load(folder.likeness)
        # The network thinks at the preset's size and paints finer.
        size = chosen.size * chosen.guided.detail
        network = _load_tensorflow_network(folder) if gpu else LiteSwap(chosen, CHANNELS, folder.weights)
        return cls(likeness, size, folder.digest(), network)

    def plan(self, track: FaceTrack, smoothing: Smoothing, course: LookCourse = PLAIN_COURSE) -> TrackPlan:
        """Retargets the source's face onto every frame of a track, and fits the crops around it.

        Raises:
            UsageError: the landmarks are not the mesh's.
        """
        if track.landmarks.shape[1] != topology.POINTS:
            raise UsageError("a guided swap is driven by the face mesh: use --landmarker mesh")
        landmarks = smooth(track.landmarks, track.times, smoothing)
        looks = [course.at(frame) for frame in track.frames.tolist()]
        gains = Gains(np.array([look.expression for look in looks]), np.array([look.gaze for look in looks]))
        plain = self._retarget(landmarks)
        wanted = plain
        if not gains.are_plain:
            is_plain = (gains.expression == 1) & (gains.gaze == 1)
            # To the bit: a frame as it is doesn't depend on whether another one is.
            wanted = np.where(is_plain[:, None, None], plain, self._retarget(landmarks, gains))
        shape = _choose_shape(wanted, landmarks, looks, self.likeness.neutral_shape)
        return TrackPlan(
            frames=track.frames,
            # Crops follow the face that is wanted, and not the target's, for it is what is painted.
            matrices=geometry.fit_crop(plain, self._reference),
            landmarks=landmarks,
            extra={"wanted": shape, "weights": self._weigh_references(landmarks, track.times, gains)},
            opacities=profile_opacity(landmarks, track.times),
        )

    def _retarget(self, landmarks: Floats, gains: Gains | None = None) -> Floats:
        return retarget(landmarks, self.likeness.mesh, self.likeness.neutral_shape, gains)

    def _weigh_references(self, landmarks: Floats, times: Floats, gains: Gains) -> Floats:
        """Computes the references' weights (T, regions, K).

        They are smoothed along the whole track for each of a few gains, and those of frames between them lie
        between: a frame has those of a track with its own gains, whatever the frames around it have.
        """
        weights = np.zeros(())
        for expression, gaze in itertools.product(_GAIN_KNOTS, repeat=2):
            share = _knot_share(gains.expression, expression) * _knot_share(gains.gaze, gaze)
            if share.any():
                knot = Gains(np.full(len(times), expression), np.full(len(times), gaze))
                smoothed = self._smooth_weights(self.likeness.weights(self._retarget(landmarks, knot)), times)
                weights = weights + share[:, None, None] * smoothed
        return weights

    def _smooth_weights(self, weights: Floats, times: Floats) -> Floats:
        """Smooths weights (T, regions, K) over time: what is fast in them is the landmarks' noise."""
        smoothings = [Smoothing("zero-phase", _WEIGHT_SMOOTHING[name]) for name in REGIONS]
        slow = np.stack([smooth(weights[:, at], times, how) for at, how in enumerate(smoothings)], 1)
        # Subtracted and not cut off: a weight that passes the limit grows from nothing, so nothing pops.
        slow = np.maximum(slow - _MIN_REFERENCE_SHARE * slow.max(-1, keepdims=True), 0)
        # Each region's weights make 1 again.
        return slow / slow.sum(-1, keepdims=True)

    def swap(self, faces: Sequence[PlannedFace]) -> list[SwappedFace]:
        """Paints a batch of faces."""
        wanted = [alignment.transform(face.extra["wanted"], face.matrix) for face in faces]
        drawn = [
            draw(self.likeness, points, face.extra["weights"], self.size)
            for points, face in zip(wanted, faces, strict=True)
        ]
        if self._network is None:
            painted = [drawing.picture for drawing in drawn]
        else:
            # The network paints softer than the warp is: what it painted is drawn as finely again.
            finished = self._network.finish(np.stack([drawing.conditioning for drawing in drawn]))
            painted = [
                match_detail(image, drawing.picture) for image, drawing in zip(finished, drawn, strict=True)
            ]
        # Beyond the rim of the warp nothing is known: the target is shown, whatever the mask.
        return [
            SwappedFace(
                cv2.copyTo(image, drawing.warped, face.image.copy()),
                drawing.visible_mask,
                face.matrix,
                transfer_mouth_interior(face.image, face.landmarks, drawing.points),
            )
            for image, drawing, face in zip(painted, drawn, faces, strict=True)
        ]


def _choose_shape(
    wanted: Floats, landmarks: Floats, looks: Sequence[LookSettings], source: NeutralShape
) -> Floats:
    """Chooses the meshes that are painted, of those of a whole likeness and the performer's."""
    strength = np.array([look.strength for look in looks])
    shape = morph_shape(landmarks, wanted, strength) if (strength < 1).any() else wanted
    # At the lips' edges performer and source meet: there both need one shape.
    rows = np.flatnonzero([not _FITTED_LIPS.isdisjoint(look.keep) for look in looks])
    if len(rows):
        shape = shape.copy()
        shape[rows] = fit_lips(shape[rows], landmarks[rows], source)
    return shape


def _knot_share(gains: Floats, knot: float) -> Floats:
    """Share, (T,) from 0 to 1, of what is known at a knot in values interpolated between knots."""
    return np.maximum(1 - np.abs(gains - knot) / (_GAIN_KNOTS[1] - _GAIN_KNOTS[0]), 0)


def _load_tensorflow_network(folder: ModelFolder) -> Network:
    from recaster.networks.guided import GuidedSwap

    preset = folder.read().preset
    weights = load_tensors(folder.weights, GuidedSwap.expected(preset, CHANNELS))
    return GuidedSwap(preset, CHANNELS, weights)


def profile_opacity(landmarks: Floats, times: Floats) -> Floats:
    """Computes the opacity of a track's swapped face in each frame, (T,) from 0 (the target stays) to 1.

    Args:
        landmarks: (T, N, 3), smoothed, of one track; all of it is shown where they aren't the mesh's.
        times: (T,) seconds, ascending.
    """
    if landmarks.shape[1] != topology.POINTS:
        return np.ones(len(times))
    yaw = np.abs(head_poses(landmarks)[:, 0])
    whole, gone = HANDOVER_YAW_DEG
    steps = np.clip((gone - yaw) / (gone - whole), 0, 1)
    # Smoothstep: the hand-over has no visible begin and end.
    wanted = steps * steps * (3 - 2 * steps)
    return _limit_rate(wanted, times / HANDOVER_S)


def _limit_rate(opacities: Floats, times: Floats) -> Floats:
    """Lowers opacities where they would change by more than 1 in a unit of time."""
    slow = opacities.copy()
    # Forwards and backwards: a face that goes begins to go earlier, one that comes is whole later.
    for order in (range(1, len(slow)), range(len(slow) - 2, -1, -1)):
        for at in order:
            neighbour = at - 1 if order.step > 0 else at + 1
            slow[at] = min(slow[at], slow[neighbour] + abs(times[at] - times[neighbour]))
    return slow
