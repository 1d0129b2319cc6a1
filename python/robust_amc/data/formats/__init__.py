"""The formats of data sets on disk, one a file: `base` says what one is, `registry` has all."""
