"""Which models exist, where their weights come from, and the fetching of them. Nothing here imports torch."""

from doctr_serve.catalog.catalog import BUNDLED_DIR, Catalog
from doctr_serve.catalog.entries import CatalogEntry, ModelTask, WeightsSource
from doctr_serve.catalog.licenses import License

__all__ = ["BUNDLED_DIR", "Catalog", "CatalogEntry", "License", "ModelTask", "WeightsSource"]
