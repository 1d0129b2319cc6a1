"""What a model file says of itself, a JSON document; read without PyTorch and the weights."""

import os
from typing import Any

import safetensors

from . import assets, json_text, reading, settings
from .errors import UserError
from .fields import choice, either, flag, items, maybe, name, names, real, table, text, whole
from .files import AnyPath, Document, plain

FORMAT_VERSION = 1
KEY = "htrd"  # of the document in a file's metadata
LONGEST_FRAME = 1 << 16  # samples
_LEVELS = 201  # of the score quantiles

# A record of a data set, see provenance
RECORD = table(
    {"name": text(), "fingerprint": text(), "split_seed": maybe(whole(0)), "metadata": table({})},
    {"layout": text()},
)


def _training(value: Any, where: str) -> None:
    """What is said of a training, and of those before it."""
    _TRAINING(value, where)


_TRAINING = table({}, {
    "method": name, "seed": whole(0), "epochs": whole(0), "more": items(RECORD),
    "start_from": maybe(
        table({"name": text()}, {"training": _training, "dataset": maybe(RECORD)})
    ),
})  # fmt: skip
_CALIBRATION = table(
    {
        "target_rejection": real(0, 1),
        "coverage": real(0, 1),
        "snr_db": items(real()),
        "bins": items(
            table({
                "snr_db": maybe(real()), "runs": whole(1), "rejected": whole(1),
                "threshold": real(), "excluded": whole(1), "lowest": real(high=0),
            }),
            fewest=1,
        ),
        "drift": table(
            {"false_alarm": real(above=0, high=1), "window": whole(1), "every": whole(1)},
            others=None,
        ),
        "scores": table({}, others=items(real())),
    },
    {"dataset": RECORD},
)  # fmt: skip
_FORM = table(
    {
        "format_version": whole(1),
        "architecture": table(
            {"name": name},
            {"input_gain": real(above=0, high=1e12)},
            either(flag, text(), whole(), real()),  # see models.check_settings
        ),
        "classes": names(),
        "frame_length": whole(1, LONGEST_FRAME),
        "scaling": choice(("none", "sum_abs")),
    },
    {
        "rejector": table(
            {
                "kind": name,
                "threshold": real(),
                "score_quantiles": items(real(), _LEVELS, _LEVELS),
            },
            {
                "target_rejection": real(0, 1),
                "calibration_snr_db": items(real()),
                "dataset": maybe(RECORD),
            },
        ),
        "conformal": _CALIBRATION,
        "training": _training,
        "dataset": maybe(RECORD),
        "defense": table({}, {"training": name, "run_time": name, "system": name}),
        "metrics": table({}, others=table({})),
        "evaluation": table({}),
        "code_version": text(),
        "exported": table(
            {"scaling": choice(("none", "sum_abs")), "precision": choice(("float32", "int8"))}
        ),
    },
)


def read(name_or_path: AnyPath) -> dict[str, Any]:
    """The document of a shipped model or a file, with today's names of settings.

    Raises UserError when the file is missing, damaged, of a newer format, or not a model, or a
    shipped one is not as it shipped.
    """
    path = assets.model_path(name_or_path)
    if not os.path.exists(path):
        known = ", ".join(assets.model_names()) or "none"
        raise UserError(f"no model {name_or_path}: neither a file nor one that ships ({known})")
    reading.require_regular(path)
    assets.require_genuine(path)
    try:
        with safetensors.safe_open(path, "np") as file:
            content = (file.metadata() or {}).get(KEY)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged or not a safetensors file: {error}") from error
    return parse(content, path)


def parse(content: str | None, path: object) -> dict[str, Any]:
    """The document in the metadata of the file `path`, as :func:`read`; None: there is none."""
    foreign = f"{path} is not a gr-htrd model: it has no metadata of ours"
    try:
        document = json_text.parse(content or "", lenient=True)
    except UserError:
        raise UserError(foreign) from None
    if "format_version" not in document:
        raise UserError(foreign)
    version = document["format_version"]
    if type(version) is int and version > FORMAT_VERSION:
        raise UserError(
            f"{path} has format {version}; this version reads up to {FORMAT_VERSION}: "
            "upgrade gr-htrd"
        )
    check(document, path)
    return settings.current(document)


def check(document: Document, path: object) -> None:
    """UserError unless each field of a model's document is of its type and within bounds."""
    try:
        _FORM(document, "its metadata")
        if "conformal" in document and [*document["conformal"]["scores"]] != document["classes"]:
            raise UserError("the scores of its calibration are not those of its classes")
    except UserError as error:
        raise UserError(f"{path} is not a usable model: {error}") from None


def dump(document: Document) -> str:
    """A document as text for a file's metadata."""
    return json_text.dump(plain(document), "what the model says of itself")
