"""How cases are made: a file of bytes, a document with another field."""

DEEP = 100_000  # levels


def of_bytes(suffix, content):
    def make(folder):
        path = folder / f"x{suffix}"
        path.write_bytes(content() if callable(content) else content)
        return path

    return make


def each_of(reader, suffix, contents, group=""):
    """Cases of contents by name: bytes, or functions that make them."""
    for name, content in contents.items():
        yield f"{group or suffix} {name}", reader, of_bytes(suffix, content), True


def with_field(*path, to):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return change


ODD = {
    "null": None,
    "true": True,
    "text": "x",
    "a list": [],
    "a table": {},
    "NaN": float("nan"),
    "infinite": float("inf"),
    "-1": -1,
    "0": 0,
    "1e300": 1e300,
    "10^400": 10**400,
    "2^40": 2**40,
}
