"""``python -m doctr_serve`` is the ``doctr-serve`` command."""

from doctr_serve.cli import main

main()
