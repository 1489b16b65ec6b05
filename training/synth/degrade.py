"""Degradations of print, paper, scanners and files.

Ink functions take and return a coverage mask, float32 in 0..1, where 1 is full ink; image functions take and
return uint8 images, grey (H, W) or colour (H, W, 3). All take their chance from the `random.Random` they get.
"""

from __future__ import annotations

import random

import cv2
import numpy as np

cv2.setNumThreads(0)


def generator(rng: random.Random) -> np.random.Generator:
    """Return a fast numpy generator seeded from the random source."""
    return np.random.Generator(np.random.SFC64(rng.getrandbits(48)))


def clouds(rng: random.Random, h: int, w: int, cell: float) -> np.ndarray:
    """Return smooth noise in 0..1 whose spots are about `cell` pixels wide."""
    grid = generator(rng).random((max(2, int(h / cell) + 2), max(2, int(w / cell) + 2)), dtype=np.float32)
    return cv2.resize(grid, (w, h), interpolation=cv2.INTER_LINEAR)


# ---- ink: coverage masks


def thicken(mask: np.ndarray, rng: random.Random, size: int = 2) -> np.ndarray:
    """Let the ink spread, in both directions or in one."""
    return cv2.dilate(mask, np.ones(rng.choice(((size, size), (1, size), (size, 1))), np.uint8))


def thin(mask: np.ndarray, rng: random.Random, size: int = 2) -> np.ndarray:
    """Let strokes lose width, as worn or underexposed print does."""
    return cv2.erode(mask, np.ones(rng.choice(((size, size), (1, size), (size, 1))), np.uint8))


def thermal_fade(mask: np.ndarray, rng: random.Random) -> np.ndarray:
    """Fade patches of the ink, as old thermal paper does."""
    h, w = mask.shape
    strength = clouds(rng, h, w, rng.choice((3, 5, 9, 16))) * rng.uniform(1.2, 2.6)
    return mask * np.clip(strength, rng.uniform(0.1, 0.45), 1)


def pinholes(mask: np.ndarray, rng: random.Random, share: float | None = None) -> np.ndarray:
    """Break strokes with small holes."""
    share = rng.uniform(0.04, 0.3) if share is None else share
    return mask * (generator(rng).random(mask.shape, dtype=np.float32) > share)


def dot_matrix(mask: np.ndarray, rng: random.Random, pitch: float) -> np.ndarray:
    """Print the mask as rows of round dots, `pitch` pixels apart."""
    h, w = mask.shape
    pitch = max(2.0, pitch)
    y = np.cos((np.arange(h) + rng.random() * pitch) * (2 * np.pi / pitch))
    x = np.cos((np.arange(w) + rng.random() * pitch) * (2 * np.pi / pitch))
    dots = np.clip(
        (y[:, None] + x[None, :]) * rng.uniform(0.5, 1.2) + rng.uniform(0.5, 0.9), rng.uniform(0, 0.35), 1
    )
    return mask * dots.astype(np.float32)


def streaks(mask: np.ndarray, rng: random.Random) -> np.ndarray:
    """Weaken rows of the ink: the dead heaters of a thermal head, a dry ribbon, a faded band."""
    h, _ = mask.shape
    out = mask.copy()
    if rng.random() < 0.5:
        out[:: rng.choice((2, 3, 4))] *= rng.uniform(0.2, 0.7)
    else:
        y, half = rng.randrange(h), max(1.0, h * rng.uniform(0.04, 0.2))
        out *= np.clip(np.abs(np.arange(h) - y) / half, rng.uniform(0.1, 0.4), 1)[:, None].astype(np.float32)
    return out


def photocopy(mask: np.ndarray, rng: random.Random) -> np.ndarray:
    """Copy the ink in two levels at a finer resolution: rounded, blotted or broken strokes with soft edges."""
    h, w = mask.shape
    factor = rng.uniform(2, 3.5)
    fine = cv2.resize(mask, (round(w * factor), round(h * factor)), interpolation=cv2.INTER_CUBIC)
    fine = blur(fine, rng.uniform(0, 0.35) * factor)
    fine += (clouds(rng, *fine.shape, rng.uniform(1, 2.5) * factor) - 0.5) * rng.uniform(0, 0.5)
    fine += (clouds(rng, *fine.shape, 1.5) - 0.5) * rng.uniform(0, 0.4)
    two = (fine > rng.triangular(0.2, 0.75, 0.42)).astype(np.float32)
    return blur(
        cv2.resize(two, (w, h), interpolation=cv2.INTER_AREA), rng.choice((0, 0, rng.uniform(0.3, 0.6)))
    )


# ---- images


def blur(img: np.ndarray, sigma: float) -> np.ndarray:
    """Blur evenly."""
    return cv2.GaussianBlur(img, (0, 0), sigma) if sigma > 0.15 else img


def motion_blur(img: np.ndarray, rng: random.Random, length: int = 3) -> np.ndarray:
    """Blur along rows or along columns."""
    kernel = np.full((1, length) if rng.random() < 0.5 else (length, 1), 1 / length, np.float32)
    return cv2.filter2D(img, -1, kernel)


def sharpen(img: np.ndarray, amount: float = 1.0, sigma: float = 1.2) -> np.ndarray:
    """Sharpen with halos, as scanners do."""
    return cv2.addWeighted(img, 1 + amount, cv2.GaussianBlur(img, (0, 0), sigma), -amount, 0)


def sensor_noise(img: np.ndarray, rng: random.Random, sigma: float) -> np.ndarray:
    """Add independent noise to every pixel."""
    noise = generator(rng).standard_normal(img.shape, dtype=np.float32)
    return np.clip(img + noise * sigma, 0, 255).astype(np.uint8)


def specks(img: np.ndarray, rng: random.Random, share: float, size: int = 1) -> np.ndarray:
    """Sprinkle black and white specks."""
    h, w = img.shape[:2]
    spots = generator(rng).random((-(-h // size), -(-w // size)), dtype=np.float32)
    spots = np.kron(spots, np.ones((size, size), np.float32))[:h, :w] if size > 1 else spots
    out = img.copy()
    out[spots < share] = 0
    out[spots > 1 - share] = 255
    return out


def uneven_light(img: np.ndarray, rng: random.Random, depth: float) -> np.ndarray:
    """Shade the picture with a gradient and soft spots; `depth` is the largest change of a pixel value."""
    h, w = img.shape[:2]
    shade = clouds(rng, h, w, max(h, w) * rng.uniform(0.2, 1.0)) - 0.5
    shade = shade + np.linspace(-0.5, 0.5, w, dtype=np.float32)[None, :] * rng.uniform(-1, 1)
    shade = shade if img.ndim == 2 else shade[..., None]
    return np.clip(img + shade * depth, 0, 255).astype(np.uint8)


def paper_grain(img: np.ndarray, rng: random.Random, depth: float) -> np.ndarray:
    """Add fine spots to the paper."""
    h, w = img.shape[:2]
    grain = (clouds(rng, h, w, rng.choice((1.5, 3, 6))) - 0.5) * depth
    return np.clip(img + (grain if img.ndim == 2 else grain[..., None]), 0, 255).astype(np.uint8)


def rescale(img: np.ndarray, rng: random.Random, factor: float) -> np.ndarray:
    """Lose detail: shrink by the factor and enlarge again."""
    h, w = img.shape[:2]
    small = cv2.resize(
        img, (max(2, round(w * factor)), max(4, round(h * factor))), interpolation=cv2.INTER_AREA
    )
    how = rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_NEAREST))
    return cv2.resize(small, (w, h), interpolation=how)


def jpeg(img: np.ndarray, quality: int) -> np.ndarray:
    """Write and read the picture as JPEG."""
    _, data = cv2.imencode(".jpg", img, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)


def fax(img: np.ndarray, rng: random.Random, level: float | None = None) -> np.ndarray:
    """Turn into two levels as a fax does: noisy threshold, ragged edges, sometimes smoothed again.

    `level` is the threshold; without it one between dark and bright parts of the picture is drawn.
    """
    grey = img if img.ndim == 2 else cv2.cvtColor(img, cv2.COLOR_RGB2GRAY)
    if level is None:
        low, high = np.percentile(grey, (3, 90))
        level = low + (high - low) * rng.uniform(0.35, 0.75)
    noisy = sensor_noise(grey, rng, rng.uniform(0, 30)) if rng.random() < 0.7 else grey
    out = np.where(noisy > level, np.uint8(255), np.uint8(0))
    if rng.random() < 0.3:
        out = specks(out, rng, rng.uniform(0.001, 0.015))
    if rng.random() < 0.5:
        out = blur(out, rng.uniform(0.3, 0.7))
    return out if img.ndim == 2 else np.repeat(out[..., None], 3, 2)


def halftone(img: np.ndarray, rng: random.Random, pitch: int) -> np.ndarray:
    """Lay a printed screen of dots over the picture (grey backgrounds of copied forms)."""
    h, w = img.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32) * np.float32(2 * np.pi / max(2, pitch))
    screen = (np.sin(x + rng.random() * 6) * np.sin(y + rng.random() * 6)) * rng.uniform(10, 60)
    return np.clip(img + (screen if img.ndim == 2 else screen[..., None]), 0, 255).astype(np.uint8)


def any_scan(img: np.ndarray, rng: random.Random, detail: float = 1.0, fax_share: float = 0.15) -> np.ndarray:
    """Put the picture through a random chain of scanner and file faults.

    `detail` scales the blurs to the text size, `fax_share` is the chance of ending in two levels.
    """
    if rng.random() < 0.3:
        img = uneven_light(img, rng, rng.uniform(5, 50))
    if rng.random() < 0.15:
        img = paper_grain(img, rng, rng.uniform(5, 30))
    r = rng.random()
    if r < 0.3:
        img = blur(img, rng.uniform(0.3, 1.0) * detail)
    elif r < 0.34:
        img = motion_blur(img, rng, rng.choice((2, 3)))
    elif r < 0.42:
        img = sharpen(img, rng.uniform(0.4, 1.4))
    if rng.random() < 0.22:
        img = sensor_noise(img, rng, rng.uniform(2, 14))
    if rng.random() < 0.03:
        img = specks(img, rng, rng.uniform(0.002, 0.015), rng.choice((1, 1, 2)))
    if rng.random() < fax_share:
        img = fax(img, rng)
    if rng.random() < 0.35:
        img = jpeg(img, rng.randint(25, 90))
    return img
