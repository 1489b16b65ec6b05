"""docTR's pre-processing, a batch at a time: docTR's own holds every image of a page three times over as floats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from doctr.models.preprocessor import PreProcessor
from torch.nn.functional import interpolate

__all__ = ["LARGE_IMAGE_PIXELS", "BatchedPreProcessor"]

LARGE_IMAGE_PIXELS = 16 * 1024 * 1024
"""Beyond A4 at 400 dpi; docTR's resize (torchvision's) turns an image to floats first, 12 bytes a pixel, and more."""


class BatchedPreProcessor(PreProcessor):
    """docTR's pre-processor, with its results and a bounded part of its memory.

    docTR (doctr/models/preprocessor/pytorch.py) keeps the resized images, their batches and the normalised batches of
    all images: 0.8 MB three times for each crop of the orientation classifier, 74 kB for each of a recogniser. Here
    an image goes straight into its batch, which is normalised in place. An image of more than ``LARGE_IMAGE_PIXELS``
    is resized without becoming floats.
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
                batch = torch.empty((self.batch_size, 3, *self.resize.size))
            batch[count] = self.sample_transforms(image)
            count += 1
            if count == self.batch_size:
                yield self._normalised(batch)
                count = 0
        if count:
            yield self._normalised(batch[:count])

    def __call__(self, images: list[np.ndarray]) -> list[torch.Tensor]:  # type: ignore[override]
        """Returns all batches; what docTR's predictors call."""
        return list(self.batches(images))

    def sample_transforms(self, x: np.ndarray) -> torch.Tensor:
        """Returns a resized and padded image, float32 (3, height, width), 0 to 1; see docTR's method of this name."""
        if x.shape[0] * x.shape[1] <= LARGE_IMAGE_PIXELS:
            return super().sample_transforms(x)
        # Without torchvision's floats; where these round once, both passes do: one level of 255 at most.
        image = torch.from_numpy(x).permute(2, 0, 1).unsqueeze(0)
        size = self._size_without_padding(*x.shape[:2])
        resized = interpolate(image, size, mode="bilinear", antialias=True)[0]
        # What is left for docTR's resize, which returns an image of the right size as it is, is to pad it.
        return super().sample_transforms(resized.permute(1, 2, 0).numpy())

    def _size_without_padding(self, height: int, width: int) -> tuple[int, int]:
        """Returns the height and width to which docTR resizes an image (``Resize.forward``)."""
        full_height, full_width = self.resize.size
        ratio = height / width
        if not self.resize.preserve_aspect_ratio:
            return full_height, full_width
        if ratio > full_height / full_width:
            return full_height, max(int(full_height / ratio), 1)
        return max(int(full_width * ratio), 1), full_width

    def _normalised(self, batch: torch.Tensor) -> torch.Tensor:
        # The steps of torchvision's `normalize`, which does them in place where it is told to.
        self.normalize.inplace = True
        return self.normalize(batch)
