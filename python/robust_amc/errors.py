"""The one exception that means: the user can mend this."""


class UserError(ValueError):
    """A user's mistake: one line that says what was wrong and what to do.

    The command line prints it and exits with status 2; a GNU Radio block raises
    it at construction.
    """
