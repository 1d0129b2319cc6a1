"""`htrd fit-rejector`: from a network to a classifier that rejects."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import data, provenance
from ..classifier import Classifier
from ..device import pick_device
from ..rejection.calibrate import RejectorSettings
from ..rejection.calibrate import fit_rejector as fit
from .console import err
from .options import Dataset, Device, Seed, parse_floats, refuse_overwriting

DEFAULT = RejectorSettings()
ENOUGH = 2000  # calibration frames: 0.10 is then known within 0.013


def fit_rejector(
    output: Annotated[Path, typer.Argument(help="The model file to write (.safetensors).")],
    model: Annotated[str, typer.Option(help="The trained network: a name or a file.")],
    dataset: Dataset,
    snr: Annotated[
        str | None, typer.Option(help="SNR labels of the SVM's training frames (default: all).")
    ] = None,
    calibration_snr: Annotated[
        str | None, typer.Option(help="SNR labels that set the threshold (default: all).")
    ] = None,
    target_rejection: Annotated[
        float, typer.Option(help="Share of benign frames to reject.")
    ] = DEFAULT.target_rejection,
    gamma: Annotated[float, typer.Option(help="Kernel parameter of the SVM.")] = DEFAULT.gamma,
    penalty: Annotated[float, typer.Option(help="C of the SVM.")] = DEFAULT.penalty,
    frames_per_class: Annotated[
        int, typer.Option(help="Most training frames a class.")
    ] = DEFAULT.frames_per_class,
    scale_features: Annotated[
        bool, typer.Option(help="Scale features so that γ·median d² is 1.5; --no-…: raw.")
    ] = DEFAULT.scale_features,
    seed: Seed = 0,
    device: Device = "auto",
):
    """Fit the SVM on the training part, set its threshold on the calibration part.

    With the data set that the network was trained on, the parts are the same as then, and
    the calibration frames new to the network. Calibrate at the SNR labels that matter:
    the scores of weak signals are lower.
    """
    refuse_overwriting(output)
    classifier = Classifier.load(model, pick_device(device))
    whole = data.read(dataset)
    split_seed = provenance.split_seed_for(whole, provenance.seen(classifier.metadata)) or 0
    settings = RejectorSettings(
        gamma=gamma,
        penalty=penalty,
        frames_per_class=frames_per_class,
        snr_db=parse_floats(snr) or [],
        calibration_snr_db=parse_floats(calibration_snr) or [],
        target_rejection=target_rejection,
        scale_features=scale_features,
        seed=seed,
    )
    fitted = fit(
        classifier,
        data.part(whole, "train", split_seed),
        data.part(whole, "calibration", split_seed),
        settings,
    )
    facts = fitted.metadata["rejector"]
    facts["dataset"] = provenance.record(whole, dataset, split_seed)
    fitted.save(output)
    if facts["calibration_frames"] < ENOUGH:
        err.print(
            f"warning: {facts['calibration_frames']} calibration frames leave the rejection rate "
            f"uncertain; {ENOUGH} or more are better",
            highlight=False,
        )
    quantiles = np.asarray(facts["score_quantiles"])
    err.print(
        f"wrote {output}: {facts['support_vectors']} support vectors, threshold "
        f"{fitted.threshold:.4g} on {facts['calibration_frames']} frames "
        f"(scores {quantiles[0]:.3g} … {quantiles[-1]:.3g})",
        highlight=False,
    )
