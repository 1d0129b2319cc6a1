"""A receiver under attack in a browser: the page of `htrd demo`, and what serves it.

`page` is the page itself, in plain HTML, CSS and JavaScript. :mod:`.graphs` makes the ONNX
graphs that it runs, :mod:`.content` says which files it is made of, :mod:`.server` serves them.
"""
