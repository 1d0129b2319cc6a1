"""What may be a name, of a class say, wherever it comes from: a file, a tag, a message."""

LONGEST = 100  # characters


def is_name(value: object) -> bool:
    """Whether `value` can name something: printable text of 1 to 100 characters."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable()
