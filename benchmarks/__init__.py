"""Programs that measure doctr-serve; see README.md."""
