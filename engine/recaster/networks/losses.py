"""Loss terms, one small function each. Images are (B, H, W, C) float32; every result is a scalar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

# Wang et al.'s constants for a span of 1; they keep the quotient finite in flat windows.
SSIM_C1 = 0.01**2
SSIM_C2 = 0.03**2
_BLUR_SIDE = 5
_MIN_DETAIL = 1 / 255  # less than one step of 8 bits is none; it also keeps the square root's slope finite


def weighted_l1(truth: tf.Tensor, painted: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference; ``weights`` is (B, H, W, 1) with mean 1."""
    return tf.reduce_mean(weights * tf.abs(truth - painted))


def gradient_l1(truth: tf.Tensor, painted: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of the differences between neighbours (Mathieu et al., 2016)."""
    error = truth - painted
    down = tf.abs(error[:, 1:] - error[:, :-1])
    across = tf.abs(error[:, :, 1:] - error[:, :, :-1])
    return tf.reduce_mean(weights[:, 1:] * down) + tf.reduce_mean(weights[:, :, 1:] * across)


def ssim_loss(truth: tf.Tensor, painted: tf.Tensor, weights: tf.Tensor, span: float = 1.0) -> tf.Tensor:
    """1 - SSIM over 7x7 box windows (Wang et al., 2004), weighted at the windows' centres.

    ``weights`` is (B, H, W, 1) with mean 1, ``span`` the distance from black to white.
    """
    c1 = SSIM_C1 * span**2
    c2 = SSIM_C2 * span**2
    # One convolution over all that means are taken of, instead of five.
    maps = tf.concat([truth, painted, truth**2, painted**2, truth * painted], -1)
    mean_t, mean_p, mean_tt, mean_pp, mean_tp = tf.split(_window_means(maps, 7, "VALID"), 5, -1)
    both = mean_t * mean_p
    square_t = mean_t**2
    square_p = mean_p**2
    variances = mean_tt - square_t + mean_pp - square_p
    covariance = mean_tp - both
    ssim = (2 * both + c1) * (2 * covariance + c2) / ((square_t + square_p + c1) * (variances + c2))
    return tf.reduce_mean(weights[:, 3:-3, 3:-3] * (1 - ssim))


def softened(pictures: tf.Tensor, sharp: tf.Tensor) -> tf.Tensor:
    """Pictures with a 5x5 box blur wherever ``sharp`` (B, H, W, 1), 0 to 1, doesn't ask for every pixel."""
    blurred = _blurred(pictures)
    return blurred + sharp * (pictures - blurred)


def texture_l1(truth: tf.Tensor, warp: tf.Tensor, share: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of how much fine detail there is, wherever exactly it lies.

    The measure is the standard deviation of the grey picture less its 5x5 mean, in windows of 8x8; of the
    warp's only ``share`` (B, H, W, 1) is kept.
    """
    either = tf.concat([tf.reduce_mean(truth, -1, True), tf.reduce_mean(warp, -1, True)], -1)
    fine = (either - _blurred(either)) * tf.concat([tf.ones_like(share), share], -1)
    strength = tf.sqrt(tf.nn.avg_pool2d(fine**2, 8, 4, "SAME") + _MIN_DETAIL**2)
    # The windows of 8x8 lie 4 pixels apart, so the weights are brought to that grid.
    weights = tf.nn.avg_pool2d(weights, 4, 4, "SAME")
    return tf.reduce_mean(weights * tf.abs(strength[..., :1] - strength[..., 1:]))


def _blurred(pictures: tf.Tensor) -> tf.Tensor:
    """A box blur; at the border of what there is of the box."""
    there = _window_means(tf.ones_like(pictures[:1, ..., :1]), _BLUR_SIDE, "SAME")
    return _window_means(pictures, _BLUR_SIDE, "SAME") / there


def _window_means(maps: tf.Tensor, side: int, padding: Literal["VALID", "SAME"]) -> tf.Tensor:
    """Means over windows of side x side: of those that lie inside, or of all, with zeros around."""
    # Two depthwise convolutions: forwards and back, a CPU needs less than half the time of an average pool.
    column = tf.ones((side, 1, maps.shape[-1], 1)) / side
    rows = tf.nn.depthwise_conv2d(maps, column, [1, 1, 1, 1], padding)
    return tf.nn.depthwise_conv2d(rows, tf.transpose(column, (1, 0, 2, 3)), [1, 1, 1, 1], padding)


def least_squares(scores: tf.Tensor, wanted: tf.Tensor | float) -> tf.Tensor:
    """Mean squared distance of scores to what they should be (LSGAN; Mao et al., 2017)."""
    return tf.reduce_mean(tf.square(scores - wanted))


def mix(real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """``share`` of the real image and the rest of the fake (mixup; Zhang et al., 2018).

    The discriminator is to answer ``share`` and the generator wants it to answer ``1 - share``, as in
    faceswap-GAN. With share 1 for the real and 0 for the fake this is a plain LSGAN.
    """
    return share * real + (1 - share) * fake


def generator_loss(
    scores: Callable[[tf.Tensor], tf.Tensor], real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor, mixup: float
) -> tf.Tensor:
    """The generator's adversarial loss: least when the discriminator takes the painted face for real."""
    if mixup == 0:
        return least_squares(scores(fake), 1.0)
    return least_squares(scores(mix(real, fake, share)), 1 - share)


def discriminator_loss(
    scores: Callable[[tf.Tensor], tf.Tensor], real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor, mixup: float
) -> tf.Tensor:
    """The discriminator's loss; without mixup the sum of the real and the fake half."""
    loss = least_squares(scores(mix(real, fake, share)), share)
    return loss + least_squares(scores(fake), 0.0) if mixup == 0 else loss


def mask_hinge(mask: tf.Tensor, floor: float) -> tf.Tensor:
    """Shortfall of the mask's mean over each image below ``floor`` (faceswap-GAN v2.2)."""
    return tf.reduce_mean(tf.nn.relu(floor - tf.reduce_mean(mask, (1, 2, 3))))


def total_variation(mask: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of neighbouring pixels (Rudin, Osher and Fatemi, 1992)."""
    down = tf.reduce_mean(tf.abs(mask[:, 1:] - mask[:, :-1]))
    return down + tf.reduce_mean(tf.abs(mask[:, :, 1:] - mask[:, :, :-1]))
