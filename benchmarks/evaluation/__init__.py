"""How well the running service reads real scans: against their truth, and against Tesseract on the same pages."""
