"""The guided swapper: the source's likeness on the target's motion, finished by a network if there is one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, Protocol

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
from recaster.likeness.likeness_cache import learn_likeness
from recaster.likeness.mouth import transfer_mouth_interior
from recaster.likeness.references import REGIONS
from recaster.likeness.retarget import Gains, fit_lips, learn_performer, morph_shape, retarget
from recaster.media.masked_copy import copy_masked
from recaster.models.tensors import load_tensors
from recaster.networks.guided_litert import LiteSwap
from recaster.processes.shared_arrays import make_array, split_rows
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
_PLAIN_KNOT: Final = (1.0, 1.0)
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
        return cls(learn_likeness(faceset), UNTRAINED_SIZE, faceset.digest())

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
        likeness = self.likeness
        performer = learn_performer(landmarks, likeness.mesh, likeness.neutral_shape)
        wanted = make_array(landmarks.shape)
        matrices = np.empty((len(landmarks), 2, 3))
        knots = _find_knots(gains)
        weights = [np.empty((len(landmarks), len(REGIONS), len(likeness.records))) for _ in knots]
        for rows in split_rows(len(landmarks)):
            plain = self._retarget(landmarks[rows], performer)
            # Crops follow the face that is wanted, and not the target's, for it is what is painted.
            matrices[rows] = geometry.fit_crop(plain, self._reference)
            wanted[rows] = self._choose_shape(plain, landmarks[rows], looks[rows], gains.of(rows), performer)
            for knot, own in zip(knots, weights, strict=True):
                moved = plain
                if knot != _PLAIN_KNOT:
                    moved = self._retarget(landmarks[rows], performer, Gains.alike(knot, len(plain)))
                own[rows] = likeness.weights(moved)
        return TrackPlan(
            frames=track.frames,
            matrices=matrices,
            landmarks=landmarks,
            extra={"wanted": wanted, "weights": self._mix_weights(weights, knots, gains, track.times)},
            opacities=profile_opacity(landmarks, track.times),
        )

    def _retarget(self, landmarks: Floats, performer: NeutralShape, gains: Gains | None = None) -> Floats:
        return retarget(landmarks, self.likeness.mesh, self.likeness.neutral_shape, gains, performer)

    def _choose_shape(
        self,
        plain: Floats,
        landmarks: Floats,
        looks: Sequence[LookSettings],
        gains: Gains,
        performer: NeutralShape,
    ) -> Floats:
        """Chooses the meshes that are painted, of those of a whole likeness and the performer's."""
        wanted = plain
        if not gains.are_plain:
            is_plain = (gains.expression == 1) & (gains.gaze == 1)
            # To the bit: a frame as it is doesn't depend on whether another one is.
            wanted = np.where(is_plain[:, None, None], plain, self._retarget(landmarks, performer, gains))
        strength = np.array([look.strength for look in looks])
        shape = morph_shape(landmarks, wanted, strength) if (strength < 1).any() else wanted
        # At the lips' edges performer and source meet: there both need one shape.
        rows = np.flatnonzero([not _FITTED_LIPS.isdisjoint(look.keep) for look in looks])
        if len(rows):
            shape = shape.copy()
            shape[rows] = fit_lips(shape[rows], landmarks[rows], self.likeness.neutral_shape)
        return shape

    def _mix_weights(
        self, weights: Sequence[Floats], knots: Sequence[tuple[float, float]], gains: Gains, times: Floats
    ) -> Floats:
        """Mixes the references' weights (T, regions, K) at knots of gains.

        They are smoothed along the whole track for each knot, and those of frames between knots lie between:
        a frame has those of a track with its own gains, whatever the frames around it have.
        """
        mixed = np.zeros(())
        for knot, own in zip(knots, weights, strict=True):
            mixed = mixed + _knot_share(gains, knot)[:, None, None] * self._smooth_weights(own, times)
        return mixed

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
        swapped = []
        for image, drawing, face in zip(painted, drawn, faces, strict=True):
            shown = face.image.copy()
            copy_masked(image, drawing.warped, shown)
            inner_mouth = transfer_mouth_interior(face.image, face.landmarks, drawing.points)
            swapped.append(SwappedFace(shown, drawing.visible_mask, face.matrix, inner_mouth))
        return swapped


def _find_knots(gains: Gains) -> list[tuple[float, float]]:
    """Finds the knots, of expression and gaze, between which the gains of any frame lie."""
    knots = itertools.product(_GAIN_KNOTS, _GAIN_KNOTS)
    return [knot for knot in knots if _knot_share(gains, knot).any()]


def _knot_share(gains: Gains, knot: tuple[float, float]) -> Floats:
    """Share, (T,) from 0 to 1, of what is known at a knot in values interpolated between knots."""
    spacing = _GAIN_KNOTS[1] - _GAIN_KNOTS[0]
    expression, gaze = (
        np.maximum(1 - np.abs(own - at) / spacing, 0)
        for own, at in zip((gains.expression, gains.gaze), knot, strict=True)
    )
    return np.asarray(expression * gaze)


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
    yaw = np.empty(len(landmarks))
    for rows in split_rows(len(landmarks)):
        yaw[rows] = np.abs(head_poses(landmarks[rows])[:, 0])
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
