"""The one exception that means: the user can mend this."""

LONGEST = 2000  # characters of a message; what it names may be anybody's


class UserError(ValueError):
    """A user's mistake: one line that says what was wrong and what to do.

    The command line prints it and exits with status 2; a GNU Radio block raises
    it at construction. The message may quote any file: what cannot be printed is escaped.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(str(message)))


def printable(text: str, longest: int = LONGEST) -> str:
    """Text as one line that cannot steer a terminal, at most `longest` characters of it."""
    if len(text) > longest:
        text = f"{text[: longest - 2]} …"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
