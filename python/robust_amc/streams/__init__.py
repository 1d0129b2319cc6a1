"""Streams of samples of any length: where they come from, their frames, what is decided of them."""
