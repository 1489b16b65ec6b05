"""The command line of the client: ``doctr-serve ocr``, the commands of single stages, ``doctr-serve limits``."""
