"""`htrd models`: the models that ship, and what is known of a model file."""

from typing import Annotated

import typer
from rich.table import Table

from .. import assets, model_card
from ..classifier import Classifier
from ..errors import UserError
from ..files import write_json
from .console import out
from .options import Json


def models(
    name: Annotated[
        str | None, typer.Argument(help="A shipped model or a file (default: all).")
    ] = None,
    card: Annotated[
        bool, typer.Option("--card", help="The model's card, a page of Markdown.")
    ] = False,
    json: Json = None,
):
    """Show the models that ship, or all that a model file says of itself."""
    if card and not name:
        raise UserError("--card is of one model: name it")
    names = [name] if name else assets.model_names()
    if not names:
        raise UserError("no model ships with this installation; train one with `htrd train`")
    found = [Classifier.load(each) for each in names]
    if json:
        write_json(json, {"models": [_facts(model, each) for model, each in zip(found, names)]})
    if card:
        text = model_card.card(found[0], assets.model_path(name))
        out.print(text, highlight=False, markup=False, soft_wrap=True, end="")
        return
    if name:
        out.print_json(data=_brief(found[0].metadata))
        return
    table = Table(title="Models that ship")
    headings = "name architecture training rejector classes data seed SHA-256"
    for heading in headings.split():
        table.add_column(heading)
    for model in found:
        facts = model.metadata
        table.add_row(
            model.name,
            facts["architecture"]["name"],
            facts.get("training", {}).get("method", "?"),
            facts["rejector"]["kind"] if "rejector" in facts else "none",
            str(len(model.classes)),
            facts.get("dataset", {}).get("name", "?"),
            str(facts.get("training", {}).get("seed", "?")),
            model_card.checksum(assets.model_path(model.name))[:12],
        )
    out.print(table)


def _facts(model, name_or_path):
    path = assets.model_path(name_or_path)
    return {"name": model.name, "sha256": model_card.checksum(path)} | model.metadata


def _brief(metadata):
    """Metadata without the long lists, for reading."""
    brief = dict(metadata)
    if "rejector" in brief:
        brief["rejector"] = dict(brief["rejector"])
        brief["rejector"].pop("score_quantiles")
    if "training" in brief:
        brief["training"] = dict(brief["training"])
        brief["training"].pop("history", None)
    return brief
