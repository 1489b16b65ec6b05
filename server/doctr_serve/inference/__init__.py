"""docTR's models and how pages go through them: the only room that imports docTR and torch."""
