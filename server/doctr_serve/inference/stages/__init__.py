"""What happens to a page around the forwards: docTR's own steps, for the options of one request."""
