"""The command line of the client: ``doctr-serve ocr``."""
