"""Renderers of synthetic training data: fonts, text, degradations, word crops and pages."""
