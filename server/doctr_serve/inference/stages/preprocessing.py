"""docTR's pre-processing, a batch at a time: docTR's own holds every image of a page three times over as floats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from doctr.models.preprocessor import PreProcessor

__all__ = ["BatchedPreProcessor"]


class BatchedPreProcessor(PreProcessor):
    """docTR's pre-processor, with its results and a bounded part of its memory.

    docTR (doctr/models/preprocessor/pytorch.py) keeps the resized images, their batches and the normalised batches of
    all images: 0.8 MB three times for each crop of the orientation classifier, 74 kB for each of a recogniser. Here
    an image goes straight into its batch, which is normalised in place.
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

    def _normalised(self, batch: torch.Tensor) -> torch.Tensor:
        # The steps of torchvision's `normalize`, which does them in place where it is told to.
        self.normalize.inplace = True
        return self.normalize(batch)
