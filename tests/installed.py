"""A package as pip leaves it, without pip: its metadata with the entry points."""

import tomllib


def install(pyproject, site):
    """Write the metadata of the package with this pyproject.toml, a text, into a folder."""
    project = tomllib.loads(pyproject)["project"]
    metadata = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
