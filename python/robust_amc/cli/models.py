"""`htrd models`: the models that ship, and what is known of a model file.

The lists are read from the files' metadata alone, so that they need no PyTorch.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .. import assets, model_document
from ..errors import UserError
from ..files import Document, checksum, write_json
from .console import out
from .options import Json, check_writable


def models(
    name: Annotated[
        str | None, typer.Argument(help="A shipped model or a file (default: all).")
    ] = None,
    card: Annotated[
        bool, typer.Option("--card", help="The model's card, a page of Markdown.")
    ] = False,
    json: Json = None,
) -> None:
    """Show the models that ship, or all that a model file says of itself."""
    if card and not name:
        raise UserError("--card shows one model: name it")
    check_writable(json, inputs=[name])
    names = [name] if name else assets.model_names()
    if not names:
        raise UserError("no model ships with this installation; train one with `htrd train`")
    found = [model_document.read(each) for each in names]
    if json:
        write_json(json, {"models": [_facts(each, facts) for each, facts in zip(names, found)]})
    if name and card:
        out.print(_card(name), highlight=False, markup=False, soft_wrap=True, end="")
        return
    if name:
        out.print_json(data=_brief(found[0]), ensure_ascii=True)  # JSON in any encoding
        return
    table = Table(title="Models that ship")
    headings = "name architecture training rejector classes data seed SHA-256"
    for heading in headings.split():
        table.add_column(heading)
    for each, facts in zip(names, found):
        table.add_row(
            each,
            facts["architecture"]["name"],
            facts.get("training", {}).get("method", "?"),
            facts["rejector"]["kind"] if "rejector" in facts else "none",
            str(len(facts["classes"])),
            facts.get("dataset", {}).get("name", "?"),
            str(facts.get("training", {}).get("seed", "?")),
            checksum(assets.model_path(each))[:12],
        )
    out.print(table)


def _card(name: str) -> str:
    from .. import model_card  # counts the weights: with PyTorch
    from ..classifier import Classifier

    return model_card.card(Classifier.load(name), assets.model_path(name))


def _facts(name: str, document: Document) -> Document:
    path = assets.model_path(name)
    return {"name": Path(name).stem, "sha256": checksum(path)} | document


def _brief(metadata: Document) -> Document:
    """Metadata without the long lists, for reading."""
    brief = dict(metadata)
    if "rejector" in brief:
        brief["rejector"] = dict(brief["rejector"])
        brief["rejector"].pop("score_quantiles", None)
    if "training" in brief:
        brief["training"] = dict(brief["training"])
        brief["training"].pop("history", None)
    return brief
