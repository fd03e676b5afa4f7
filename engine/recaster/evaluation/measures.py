"""Definitions of every figure: its name, unit, direction and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Better = Literal["higher", "lower", "near 1", ""]


@dataclass(frozen=True)
class Measure:
    """One thing that is measured.

    Attributes:
        unit: "" for shares, ratios and cosines.
        better: in which direction a swap improves; "" for what only helps to read others.
        definition: one or two sentences, with what to read it against.
    """

    name: str
    title: str
    unit: str
    better: Better
    definition: str


_ALL: Final = (
    Measure("cosine_source", "Likeness to the source", "cosine", "higher",
        "Mean cosine of SFace's embedding of the swapped face to the mean of the source's faces. Read it "
        "against the unswapped clip and against the source's own faces, which nobody exceeds."),
    Measure("cosine_target", "Likeness to the target", "cosine", "lower",
        "Mean cosine of SFace's embedding of the swapped face to the mean of the performer's faces. Two "
        "people are never at 0: the source's own cosine to the performer is the floor."),
    Measure("identity_margin", "Source less target", "cosine", "higher",
        "Mean over the frames of the first cosine less the second."),
    Measure("retrieval", "Recognised as the source", "share", "higher",
        "Share of the judged frames whose nearest person, among source, target and gallery, is the source. "
        "It depends on how many people there are: their number is given beside it."),
    Measure("motion_deviation", "Motion deviation", "% eye distance", "lower",
        "Distance of the inner 51 landmarks in head coordinates, each sequence's own mean taken away, "
        "between swap and original, mean over points and frames. A face without expression has the frozen "
        "value; the judge's second opinion (the mirrored picture) has the noise."),
    Measure("mouth_correlation", "Mouth follows", "correlation", "higher",
        "Pearson's correlation over time of the inner lips' distance in swap and original; the noise is the "
        "judge's correlation with itself, its ceiling."),
    Measure("eye_correlation", "Lids follow", "correlation", "higher",
        "The same of the lids' distance, both eyes."),
    Measure("mouth_range", "Mouth's range", "ratio", "near 1",
        "Range of the inner lips' distance (5th to 95th percentile, eye distances), swap over original. A "
        "correlation doesn't see a mouth that follows but hardly opens; this does. Another face's mouth has "
        "another range of its own."),
    Measure("eye_range", "Lids' range", "ratio", "near 1", "The same of the lids' distance."),
    Measure("gaze_correlation", "Gaze follows", "correlation", "higher",
        "Correlation over time of the irises' place between the corners of the eyes, found by brightness. "
        "Across only: up and down eyes that talk to a camera hardly move."),
    Measure("gaze_offset", "Gaze off", "eye widths", "lower",
        "Size of the mean offset of the irises' middles between the corners of their eyes, swap against "
        "original, where both are open: eyes that look elsewhere all the time, which no correlation sees."),
    Measure("gaze_across", "Gaze off, across", "eye widths", "",
        "Its part to the picture's right."),
    Measure("gaze_down", "Gaze off, down", "eye widths", "",
        "Its part downwards. Lids hide a part of every iris: half to four fifths of an offset are seen."),
    Measure("gaze_range", "Gaze's range", "ratio", "near 1",
        "Range of the irises' place across (5th to 95th percentile), swap over original: eyes that follow, "
        "but hardly move. Of eyes that hardly move in the original it says nothing."),
    Measure("squint", "Squint", "eye widths", "lower",
        "Mean difference of how far the irises of both eyes stand apart between their corners, swap against "
        "original. Irises sit differently in different people: no swap is at 0."),
    Measure("pose_difference", "Head pose difference", "degrees", "lower",
        "Mean difference of yaw, pitch and roll, each sequence's own mean taken away, since another face "
        "shape reads as a constant turn; from nose and eye corners against a mean face."),
    Measure("landmark_deviation", "Landmark deviation", "% eye distance", "",
        "Plain distance of the inner landmarks in head coordinates. Not a quality: a perfect retarget onto "
        "another face shape is not 0, and keeping the target's face is. Given with both its references."),
    Measure("jitter", "Jitter", "ratio", "lower",
        "Mean length of the second difference over time of the inner landmarks in head coordinates, swap "
        "over original. A frozen or blurred face has little: read it with motion deviation."),
    Measure("flicker", "Flicker", "ratio", "lower",
        "Mean change of brightness inside the face from frame to frame, after the original's own motion "
        "(dense optical flow) is taken out, swap over original."),
    Measure("sharpness", "Sharpness", "ratio", "near 1",
        "Variance of the Laplacian inside the face at 96 pixels of eye distance or less, swap over "
        "original. Noise counts as sharpness too."),
    Measure("tint", "Tint", "CIE Lab", "lower",
        "Distance in a and b of the two faces' slowly changing colour (Gaussian of .2 eye distances) where "
        "both show skin, median over pixels and frames. Another skin has a tint of its own: read it against "
        "the true swap."),
    Measure("tint_95", "Tint, worst places", "CIE Lab", "lower",
        "The same, 95th percentile: a cheek of another colour is small."),
    Measure("light", "Light", "CIE L", "lower",
        "The same of lightness: the light that falls on the face, and the shape that it falls on."),
    Measure("light_95", "Light, worst places", "CIE L", "lower", "The same, 95th percentile."),
    Measure("detail_fine", "Finest detail", "ratio", "near 1",
        "Strength of the finest octave of lightness (sigma .7 to 1.4 pixels at 96 pixels of eye distance "
        "or less) on skin, swap over original: sharpness and grain."),
    Measure("detail_middle", "Middle detail", "ratio", "near 1", "The same of the next octave."),
    Measure("detail_coarse", "Coarse detail", "ratio", "near 1", "The same of the third octave."),
    Measure("detail_colour", "Grain of colour", "ratio", "near 1", "The finest octave again, of a and b."),
    Measure("colour", "Strongest colour", "CIE Lab", "",
        "Chroma that half a percent of the face exceeds, mean over the frames. Not a quality, but in a black "
        "and white clip it has to be 0."),
    Measure("seam", "Seam", "levels/% eye d.", "lower",
        "Edge along the face's outline that the original doesn't have: slope of brightness across the "
        "outline, averaged along 10 degrees of it, the largest near it, mean around it."),
    Measure("outside_change", "Changed outside the face", "levels", "lower",
        "Mean over the picture outside the face (its oval grown by 0.4 eye distances) of the largest "
        "channel difference to the original. Encoding alone makes about 1."),
    Measure("outside_share", "Pixels changed outside", "%", "lower",
        "Share of those pixels that differ by more than 8 levels."),
    Measure("missed", "Frames not swapped", "%", "lower",
        "Share of the frames with the performer's face in which the face differs from the original by less "
        "than 2 levels."),
    Measure("psnr_inside", "PSNR inside, to the truth", "dB", "higher",
        "Peak signal-to-noise ratio to the rendered true swap inside its face mask."),
    Measure("ssim_inside", "SSIM inside, to the truth", "", "higher",
        "Structural similarity of brightness to the rendered true swap inside its face mask."),
    Measure("perceptual_inside", "Perceptual distance to the truth", "", "lower",
        "Distance of SFace's inner layers to those of the rendered true swap inside its face mask, as LPIPS "
        "does it, without learned weights."),
    Measure("psnr_outside", "PSNR outside, to the original", "dB", "higher",
        "Peak signal-to-noise ratio to the original outside the true swap's face mask."),
    Measure("landmark_error", "Landmark error to the truth", "% eye distance", "lower",
        "Mean distance of the inner landmarks in the swap from where the true swap has them. The judge's own "
        "error on the true swap is the floor."),
)  # fmt: skip
MEASURES: Final = {measure.name: measure for measure in _ALL}
