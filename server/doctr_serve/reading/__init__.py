"""The core: documents in, readings out, without a transport."""
