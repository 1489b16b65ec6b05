"""What arrives -> documents: whole messages, documents in pieces, browsers' forms."""
