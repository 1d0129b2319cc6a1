"""The forms of data sets on disk, one reader or writer a file; `registry` knows them all."""
