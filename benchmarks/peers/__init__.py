"""Other ways to read a page, each in processes of its own, so that its time and its CPU seconds are its alone."""
