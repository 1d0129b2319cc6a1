"""Lists as GitHub reads them, written as MkDocs reads them.

On GitHub what belongs to an item of a list is indented as far as its text; for MkDocs it is
indented by four spaces, and a list begins after an empty line.
"""

import re

MARKER = re.compile(r"([-*]|\d{1,2}\.) +(?=\S)")
FENCE = "```"


def for_mkdocs(text):
    """Markdown of a page with its lists indented for MkDocs."""
    lines, columns, fenced, before = [], [], False, ""
    for line in text.splitlines():
        rest = line.lstrip(" ")
        indent = len(line) - len(rest)
        if not fenced and rest:
            while columns and indent < columns[-1]:
                columns.pop()
        inner = indent - columns[-1] if columns else indent
        marker = MARKER.match(rest) if not fenced and inner < 4 else None
        if marker and not columns and before and not MARKER.match(before):
            lines.append("")
        lines.append(" " * (4 * len(columns) + max(0, inner)) + rest if rest else "")
        if marker:
            columns.append(indent + marker.end())
        if rest.startswith(FENCE):
            fenced = not fenced
        before = line if not columns else ""
    return "\n".join(lines) + "\n"
