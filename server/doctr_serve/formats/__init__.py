"""A reading of a page -> an answer in some form."""
