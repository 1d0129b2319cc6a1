"""`htrd fit-rejector`: from a network to a classifier that rejects."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import data
from ..classifier import Classifier
from ..device import pick_device
from ..rejection.calibrate import RejectorSettings
from ..rejection.calibrate import fit_rejector as fit
from .console import err
from .options import Dataset, Device, Seed, parse_floats, refuse_overwriting

DEFAULT = RejectorSettings()


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

    The data set must be the one that the network was trained on, so that the parts are
    the same and the calibration frames are new to the network.
    """
    refuse_overwriting(output)
    classifier = Classifier.load(model, pick_device(device))
    whole = data.read(dataset)
    source = classifier.metadata.get("dataset", {})
    if source.get("fingerprint") != whole.fingerprint():
        err.print(
            "warning: this is not the data set that the network was trained on; its parts are "
            "split anew",
            highlight=False,
        )
    split_seed = source.get("split_seed", 0)
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
    fitted.save(output)
    facts = fitted.metadata["rejector"]
    quantiles = np.asarray(facts["score_quantiles"])
    err.print(
        f"wrote {output}: {facts['support_vectors']} support vectors, threshold "
        f"{fitted.threshold:.4g} on {facts['calibration_frames']} frames "
        f"(scores {quantiles[0]:.3g} … {quantiles[-1]:.3g})",
        highlight=False,
    )
