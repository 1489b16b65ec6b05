"""docTR's pre-processing, a batch at a time: docTR's own holds every image of a page three times over as floats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

import cv2
import numpy as np
import torch
from doctr.models.preprocessor import PreProcessor
from torch.nn.functional import interpolate

__all__ = ["LARGE_IMAGE_PIXELS", "BatchedPreProcessor"]

LARGE_IMAGE_PIXELS = 16 * 1024 * 1024
"""Beyond A4 at 400 dpi; resized as docTR does it, an image becomes floats first, 12 bytes a pixel, and more."""


class BatchedPreProcessor(PreProcessor):
    """docTR's pre-processor, with its results, a bounded part of its memory, and a third of its time.

    docTR (doctr/models/preprocessor/pytorch.py) keeps the resized images, their batches and the normalised batches of
    all images: 0.8 MB three times for each crop of the orientation classifier, 74 kB for each of a recogniser. Here
    an image is resized into its batch, which is normalised in place. What torchvision and docTR do around the resize
    takes longer than the resize of a word, and is left out; of a grey image, as most scans are, one channel is resized.
    An image of more than ``LARGE_IMAGE_PIXELS`` is resized without becoming floats.
    """

    def batches(self, images: Iterable[np.ndarray]) -> Iterator[torch.Tensor]:
        """Yields the batches of docTR's pre-processor, each made when it is asked for.

        Args:
            images: (H, W, 3) uint8 RGB; taken one by one, so that they may be made on the way.

        Yields:
            float32 of shape (N, 3, height, width), resized and normalised; ``batch_size`` images but for the last.
        """
        count = 0
        for image in images:
            if count == 0:
                batch = np.empty((self.batch_size, 3, *self.resize.size), np.float32)
            self._resize_into(batch[count], image)
            count += 1
            if count == self.batch_size:
                yield self._normalised(batch)
                count = 0
        if count:
            yield self._normalised(batch[:count])

    def __call__(self, images: list[np.ndarray]) -> list[torch.Tensor]:  # type: ignore[override]
        """Returns all batches; what docTR's predictors call."""
        return list(self.batches(images))

    def _resize_into(self, place: np.ndarray, image: np.ndarray) -> None:
        """Writes an image's levels, 0 to 255, where docTR's padding, which is black, leaves room for it.

        Args:
            place: float32 (3, height, width).
            image: (H, W, 3) uint8.
        """
        rows, columns = self.place_of(*image.shape[:2])
        place[...] = 0  # not the whole batch at once, of which a page of few words touches little
        place[:, rows, columns] = _resized(image, (rows.stop - rows.start, columns.stop - columns.start))

    def place_of(self, height: int, width: int) -> tuple[slice, slice]:
        """Returns the rows and the columns of the input that an image of this size takes; the rest is padding."""
        size = self._size_without_padding(height, width)
        starts = (0, 0)
        if self.resize.symmetric_pad:
            starts = tuple(ceil((full - own) / 2) for full, own in zip(self.resize.size, size, strict=True))
        rows, columns = (slice(start, start + own) for start, own in zip(starts, size, strict=True))
        return rows, columns

    def _size_without_padding(self, height: int, width: int) -> tuple[int, int]:
        """Returns the height and width to which docTR resizes an image (``Resize.forward``)."""
        full_height, full_width = self.resize.size
        ratio, full_ratio = height / width, full_height / full_width
        if not self.resize.preserve_aspect_ratio or ratio == full_ratio:
            return full_height, full_width
        if ratio > full_ratio:
            return full_height, max(int(full_height / ratio), 1)
        return max(int(full_width * ratio), 1), full_width

    def _normalised(self, batch: np.ndarray) -> torch.Tensor:
        # The steps of torchvision's `normalize`, which does them in place where it is told to.
        self.normalize.inplace = True
        return self.normalize(torch.from_numpy(batch).div_(255))


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns an image's levels at another height and width, (3, height, width), or (1, height, width) of a grey one.

    They are those of torchvision's resize (torchvision/transforms/_functional_tensor.py), which computes in floats and
    rounds at the end. Of a large image both passes round: one level of 255 at most.
    """
    if image.shape[0] * image.shape[1] > LARGE_IMAGE_PIXELS:
        return interpolate(_channels_first(image), size, mode="bilinear", antialias=True)[0].numpy()
    red, green, blue = cv2.split(image)
    is_grey = not (cv2.norm(red, green, cv2.NORM_INF) or cv2.norm(green, blue, cv2.NORM_INF))
    channels = torch.from_numpy(red)[None, None] if is_grey else _channels_first(image)
    return np.rint(interpolate(channels.float(), size, mode="bilinear", antialias=True)[0].numpy())


def _channels_first(image: np.ndarray) -> torch.Tensor:
    """Returns an image (H, W, 3) as a batch (1, 3, H, W), without a copy where torch needs none."""
    if min(image.strides) < 0:
        # To NumPy a turned picture of one row or column is contiguous all the same; torch takes none of these.
        image = image.copy()
    return torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1).unsqueeze(0)
