"""Turn rendered frames into a clip: film grain, H.264, and the voice of the same motion. See README.md."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from motion import FRAMES, perform
from scipy.io import wavfile
from voice import RATE, speak


def with_grain(image: np.ndarray, random: np.random.Generator, strength: float = 4.0) -> np.ndarray:
    """The picture with soft grain, strongest in the shadows."""
    grain = cv2.GaussianBlur(random.normal(0, 1, image.shape[:2]), (0, 0), 0.6)[..., None] * strength
    brightness = image.mean(2, keepdims=True) / 255
    return np.clip(image + grain * (1 - 0.6 * brightness), 0, 255).astype(np.uint8)


def command(size: int, fps: float, sound: Path, out: Path, quality: int) -> list[str]:
    """The ffmpeg call: raw BGR on its standard input, H.264 and AAC out, BT.709 tagged."""
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{size}x{size}", "-r", str(fps), "-i", "-"]
    tags = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    video = ["-vf", f"scale=out_color_matrix=bt709:out_range=tv,{tags}", "-c:v", "libx264", "-preset", "slow"]
    video += ["-crf", str(quality), "-pix_fmt", "yuv420p"]
    start = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *raw, "-i", str(sound)]
    return [*start, *video, "-c:a", "aac", "-b:a", "48k", "-movflags", "+faststart", "-shortest", str(out)]


def main() -> None:
    """Encode one folder of frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path, help="folder with frame_NNNN.png")
    parser.add_argument("out", type=Path, help="the clip to write (mp4)")
    parser.add_argument("--seed", type=int, default=7, help="the motion's seed, for the voice")
    parser.add_argument("--start", type=int, default=0, help="which frame of the motion is the first")
    parser.add_argument("--fps", type=float, default=25)
    parser.add_argument("--pitch", type=float, default=112, help="of the voice, Hz")
    parser.add_argument("--quality", type=int, default=23, help="x264's constant rate factor")
    chosen = parser.parse_args()
    pictures = sorted(chosen.frames.glob("frame_*.png"))
    if not pictures:
        raise SystemExit(f"{chosen.frames} holds no frame_*.png: run render.py first")
    random = np.random.default_rng(1)
    size = cv2.imread(str(pictures[0])).shape[0]
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "voice.wav"
        motion = perform(max(FRAMES, len(pictures)), chosen.fps, chosen.seed)[
            chosen.start : chosen.start + len(pictures)
        ]
        wavfile.write(sound, RATE, speak(motion, chosen.fps, chosen.pitch))
        call = command(size, chosen.fps, sound, chosen.out, chosen.quality)
        with subprocess.Popen(call, stdin=subprocess.PIPE) as ffmpeg:
            for picture in pictures:
                ffmpeg.stdin.write(with_grain(cv2.imread(str(picture)).astype(np.float64), random).tobytes())
    if ffmpeg.returncode:
        raise SystemExit(f"ffmpeg failed with {ffmpeg.returncode}")
    print(f"{chosen.out}: {len(pictures)} frames, {chosen.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
