"""`htrd fit-rejector`: from a network to a classifier that rejects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .. import data, provenance, systems
from ..classifier import Classifier
from ..errors import UserError
from ..rejection import REJECTORS
from ..rejection.base import CalibrationSettings
from ..rejection.calibrate import fit_rejector as fit
from ..rejection.svm import SVMSettings
from ..runtime.device import pick_device
from .console import err, working
from .old_options import old_options
from .options import Dataset, Device, Seed, parse_floats, parse_settings, refuse_overwriting, single

DEFAULT = SVMSettings()
ENOUGH = 2000  # calibration frames: 0.10 is then known within 0.013
OLD = {
    "--gamma": "--set gamma=",
    "--penalty": "--set C=",
    "--scale-features": "--set scale_features=true",
    "--no-scale-features": "--set scale_features=false",
}


@old_options(OLD)
def fit_rejector(
    output: Annotated[Path, typer.Argument(help="The model file to write (.safetensors).")],
    model: Annotated[str, typer.Option(help="The trained network: a name or a file.")],
    dataset: Dataset,
    system: Annotated[
        str | None,
        typer.Option(
            help="The rejector of this system of the paper, or of a TOML file of the same form; "
            "other options change its settings."
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help=f"What rejects: {', '.join(REJECTORS)} (svm).",
            autocompletion=lambda: list(REJECTORS),
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other setting of the rejector by the name it has in a system's file, as "
            "gamma=0.02 (or rejector.gamma=0.02). Can be given several times.",
        ),
    ] = None,
    snr: Annotated[
        str | None, typer.Option(help="SNR labels of the rejector's training frames (all).")
    ] = None,
    calibration_snr: Annotated[
        str | None, typer.Option(help="SNR labels that set the threshold (all).")
    ] = None,
    target_rejection: Annotated[
        float | None,
        typer.Option(help=f"Share of benign frames to reject ({DEFAULT.target_rejection})."),
    ] = None,
    frames_per_class: Annotated[
        int | None,
        typer.Option(
            help=f"Maximum number of training frames of a class ({DEFAULT.frames_per_class})."
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Fit a rejector on the training part, set its threshold on the calibration part.

    With the data set that the network was trained on, the parts are the same as then, and
    the calibration frames new to the network. Calibrate at the SNR labels that matter:
    the scores of weak signals are lower.
    """
    refuse_overwriting(output)
    options = {
        "kind": kind,
        "frames_per_class": frames_per_class,
        "snr_db": parse_floats(snr),
        "calibration_snr_db": parse_floats(calibration_snr),
        "target_rejection": target_rejection,
        "seed": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    chosen = _settings(system, given | single(parse_settings(values, "gamma=0.02")))
    classifier = Classifier.load(model, pick_device(device))
    whole = data.read(dataset)
    split_seed = provenance.split_seed_for(whole, provenance.seen(classifier.metadata)) or 0
    with working("fitting and calibrating the rejector"):
        fitted = fit(
            classifier,
            data.part(whole, "train", split_seed),
            data.part(whole, "calibration", split_seed),
            chosen,
        )
    facts = fitted.metadata["rejector"]
    facts["dataset"] = provenance.record(whole, dataset, split_seed)
    if system:
        fitted.metadata["defense"]["system"] = Path(system).stem
    fitted.save(output)
    if facts["calibration_frames"] < ENOUGH:
        err.print(
            f"warning: {facts['calibration_frames']} calibration frames leave the rejection rate "
            f"uncertain; {ENOUGH} or more are better",
            highlight=False,
        )
    quantiles = np.asarray(facts["score_quantiles"])
    made = facts["kind"]
    if "support_vectors" in facts:
        made += f" with {facts['support_vectors']} support vectors"
    err.print(
        f"wrote {output}: {made}, threshold {fitted.threshold:.4g} on "
        f"{facts['calibration_frames']} frames (scores {quantiles[0]:.3g} … {quantiles[-1]:.3g})",
        highlight=False,
    )


def _settings(system: str | None, values: Mapping[str, Any]) -> CalibrationSettings:
    """Settings of a system's rejector (None: of the default), changed by values by name."""
    named = {f"rejector.{name.removeprefix('rejector.')}": value for name, value in values.items()}
    if system and systems.load(system).rejector is None:
        raise UserError(f"the system {system} has no rejector")
    found = systems.load(system, named) if system else systems.default(named)
    assert found.rejector is not None
    return found.rejector
