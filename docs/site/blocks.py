"""Pages of the blocks, from their descriptions for GRC."""

import re

import yaml

HEADINGS = ("Input", "Output", "Parameters", "Messages")
SAID = re.compile(r"([^:.]{1,80}): (.+)")


def pages(folder):
    """(name, Markdown) of each block whose description is in a folder, by its id."""
    for path in sorted(folder.glob("*.block.yml")):
        described = yaml.safe_load(path.read_text())
        yield described["id"].removeprefix("htrd_"), page(described)


def page(described):
    """Markdown of a description, a dictionary as in the YAML file."""
    name = described["id"].removeprefix("htrd_")
    sections = _sections(described["documentation"])
    lines = [
        f"# {described['label']}",
        "",
        f"`htrd.{name}`, in GRC in the category {described['category'].strip('[]')}. "
        "This page is made from the block's description in GRC; "
        "[the blocks](../blocks.md) says how all of them behave together.",
        "",
    ]
    lines += [line if not line else _plain(line) for line in sections[""]]
    lines.append("")
    for heading in HEADINGS:
        if heading not in sections:
            continue
        lines += [f"## {heading}", ""]
        if heading == "Parameters":
            lines += _parameters(described["parameters"], sections[heading])
        else:
            lines += _body(sections[heading])
    return "\n".join(lines)


def _sections(text):
    """Lines under each heading; those before the first one under an empty name."""
    sections, current = {"": []}, ""
    for line in text.splitlines():
        if line in HEADINGS:
            current = line
            sections[current] = []
        else:
            sections[current].append(line)
    return sections


def _body(lines):
    """Paragraphs, and lists of what is said of a name as ``name: text``."""
    made, listed = [], False
    for line in filter(None, lines):
        said = SAID.fullmatch(line)
        if said:
            made.append(f"- **{_plain(said[1])}**: {_plain(said[2])}")
        else:
            made += [""] * listed + [_plain(line), ""]
        listed = bool(said)
    return [*made, ""]


def _parameters(parameters, lines):
    """A table: label, name in Python, default, and what is said of it with its choices."""
    said = dict(found.groups() for line in lines if (found := SAID.fullmatch(line)))
    table = ["| in GRC | in Python | default | |", "|---|---|---|---|"]
    for each in parameters:
        label = re.sub(r" \(.*\)", "", each["label"])
        choices = dict(zip(each.get("options", []), each.get("option_labels", [])))
        text = said.pop(label)
        if choices:
            text += " Choices: " + ", ".join(
                f"`{name}` ({shown})" if shown != name else f"`{name}`"
                for name, shown in choices.items()
            )
        default = each.get("default", "")
        in_python = f"`{each['id']}`" if each["dtype"] != "gui_hint" else ""
        row = (each["label"], in_python, f"`{default}`" if default != "" else "", text)
        table.append("| " + " | ".join(_plain(cell).replace("|", r"\|") for cell in row) + " |")
    rest = [line for line in lines if line and not SAID.fullmatch(line)]
    return [*table, "", *_body(rest)]


def _plain(text):
    """A text whose ``*``, ``_`` and ``<`` mean themselves; code spans stay."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([*_<])", r"\\\1", part) for part in parts
    )
