"""What may make the figures of a security curve misleading, found with every evaluation.

Each warning is ``{"model", "check", "message"}``. Indicators of an attack that is not good
enough, after Carlini et al., "On Evaluating Adversarial Robustness" (arXiv 1902.06705).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from ..arrays import Bools, Floats, Integers
from ..attacks import AttackSettings, objectives
from ..data import FrameDataset
from ..data.summary import found_scaling
from .curve import Attack, AttackProgress, Point, SecurityCurve
from .metrics import difference

FLAT = 0.05  # share of frames without a gradient
HIGH_PNR_DB, FLOOR = 10, 0.05  # from this level on no more than this may be left
POINT = 0.01  # what a better attack may win
TOLERANCE = 1e-4  # of ‖δ‖ over ε
PROBE_FRAMES = 100
PROBE_STEPS = 40  # at the least: it has to see an attack of too few
Warnings = list[dict[str, str]]


def review(
    curve: SecurityCurve, probe: bool = True, progress: AttackProgress | None = None
) -> Warnings:
    """Warnings about the points that a SecurityCurve has.

    With `probe`, some more attacks on at most 100 frames at one level, see :func:`probed`.
    """
    found = [*_ball(curve), *_flat(curve), *_falling(curve)]
    if probe and curve.attack not in (Attack.NONE, Attack.NOISE) and curve.points:
        found += probed(curve, progress)
    return [{"model": curve.classifier.name} | each for each in found]


def of_data(curve: SecurityCurve, dataset: FrameDataset) -> Warnings:
    """Warnings about the frames of a curve, which are of `dataset`."""
    classifier, found = curve.classifier, []
    if curve.invalid:
        found.append(_warning("invalid", f"{curve.invalid} all-zero frames count as rejected"))
    calibrated = classifier.metadata.get("rejector", {}).get("calibration_snr_db", [])
    if calibrated and not set(np.unique(curve.dataset.snr_db)) <= set(calibrated):
        known = ", ".join(f"{level:g}" for level in calibrated)
        found.append(
            _warning(
                "calibration",
                f"the threshold was set at {known} dB; at other SNR labels it rejects another "
                "share of benign frames",
            )
        )
    if found_scaling(dataset) is not classifier.scaling:
        expected = classifier.scaling.value
        found.append(
            _warning("scaling", f"the model expects frames scaled as {expected}; these are not")
        )
    return [{"model": classifier.name} | each for each in found]


def _warning(check: str, message: str) -> dict[str, str]:
    return {"check": check, "message": message}


def _ball(curve: SecurityCurve) -> Iterator[dict[str, str]]:
    if curve.excess > TOLERANCE:
        yield _warning(
            "ball", f"a perturbation is {curve.excess:.1%} larger than its budget allows"
        )


def _flat(curve: SecurityCurve) -> Iterator[dict[str, str]]:
    if curve.flat_share > FLAT:
        yield _warning(
            "flat",
            f"the gradient is zero on {curve.flat_share:.0%} of the frames; robustness may be "
            "overstated",
        )


def _falling(curve: SecurityCurve) -> Iterator[dict[str, str]]:
    """Robust accuracy must fall to the floor under PGD, and never rise as PNR grows.

    Under the other attacks a rejector may well catch more of the larger perturbations.
    """
    points = sorted(curve.points, key=lambda point: point[0]["pnr_db"] or 0)
    white = curve.attack is Attack.PGD
    if white and points:
        row, _ = points[-1]
        if row["pnr_db"] >= HIGH_PNR_DB and row["robust_accuracy"] > FLOOR:
            yield _warning(
                "floor",
                f"robust accuracy is {row['robust_accuracy']:.3f} at PNR {row['pnr_db']:g} dB, "
                "where nothing should be left: the attack is not good enough",
            )
    if not white and (curve.classifier.rejector is not None or curve.attack is Attack.NONE):
        return
    for (low, before), (high, after) in zip(points, points[1:]):
        rise = difference(after, before, curve.dataset.run_id, "robust_accuracy")
        if rise["interval"][0] > 0:
            yield _warning(
                "rising",
                f"robust accuracy rises by {rise['difference']:.3f} from PNR {low['pnr_db']:g} "
                f"to {high['pnr_db']:g} dB",
            )


def probed(curve: SecurityCurve, progress: AttackProgress | None = None) -> Warnings:
    """Warnings from more attacks on some frames, at the PNR where about half is left.

    On the frames that PGD left over an attack of another kind is tried, since one of the same
    kind has the same blind spots: Adam on a smooth minimum over all wrong classes, with twice the
    steps (40 at the least) and one more restart, in float32. So are the objectives on each part of
    a network that has parts, noise, and the network alone (grey-box). A curve of another attack is
    compared with PGD on the same frames. At most 100 frames of one level are tried.
    """
    row, outcome = _middle(curve.points)
    drawn = np.random.default_rng(curve.seed).permutation(len(curve.dataset))[:PROBE_FRAMES]
    left = outcome.correct | outcome.rejected
    epsilon = curve.epsilon(row["pnr_db"])
    at = f"at PNR {row['pnr_db']:g} dB on {len(drawn)} frames"
    if curve.attack is not Attack.PGD:
        return _against_white_box(curve, drawn, epsilon, left, at, progress)
    rows = drawn[left[drawn]]
    if not len(rows):
        return []
    found = []
    settings = curve.settings
    stronger = replace(
        settings, steps=2 * settings.steps, restarts=settings.restarts + 1, fast=False
    )
    steps = max(stronger.steps, PROBE_STEPS)
    other = replace(stronger, objectives=("smooth_margin",), steps=steps)
    share = _won(curve, rows, epsilon, other, progress) / len(drawn)
    if share > POINT:
        found.append(
            _warning(
                "steps",
                f"an attack of another kind (Adam on all wrong classes, {steps} steps, one more "
                f"restart, in float32) lowers the robust accuracy by {share:.3f} more, {at}: raise "
                "--steps, --restarts or --targets",
            )
        )
    frame = torch.as_tensor(np.float32(curve.dataset.iq[rows[:1]]), device=curve.classifier.device)
    by_part = objectives.parts(curve.classifier, frame)
    if by_part:
        share = _won(curve, rows, epsilon, replace(stronger, objectives=by_part), progress)
        if (share := share / len(drawn)) > POINT:
            found.append(
                _warning(
                    "parts",
                    f"attacking each part of the network by itself lowers the robust accuracy "
                    f"by {share:.3f} more, {at}: gradients of the whole are masked",
                )
            )
    black_boxes = [Attack.NOISE]
    if curve.classifier.rejector is not None:
        black_boxes.append(Attack.GREY)
    if curve.source is not None:
        black_boxes.append(Attack.TRANSFER)
    for attack in black_boxes:
        decided = curve.decide(curve.blind(attack, rows, epsilon)).label
        won = (decided >= 0) & (decided != curve.dataset.label[rows])
        share = float(np.sum(won) / len(drawn))
        if share > POINT:
            found.append(_stronger(attack, share, at))
    return found


def _against_white_box(
    curve: SecurityCurve,
    drawn: Integers,
    epsilon: Floats,
    left: Bools,
    at: str,
    progress: AttackProgress | None,
) -> Warnings:
    """Whether an attack that knows less wins more than PGD, its objectives from the clean frame."""
    settings = replace(curve.settings, restarts=0, chained=False, targets=0)
    white = _won(curve, drawn, epsilon, settings, progress)
    share = float(np.sum(~left[drawn]) - white) / len(drawn)
    return [_stronger(curve.attack, share, at)] if share > POINT else []


def _stronger(attack: Attack, share: float, at: str) -> dict[str, str]:
    return _warning(
        "black_box",
        f"the attack {attack.value} wins {share:.3f} of the frames beyond what the white-box "
        f"attack wins, {at}: the white-box attack is not good enough",
    )


def _won(
    curve: SecurityCurve,
    rows: Integers,
    epsilon: Floats,
    settings: AttackSettings,
    progress: AttackProgress | None,
) -> int:
    """How many of the frames `rows` PGD wins."""
    seed = curve.seed + 1  # other random starts than the curve's
    result = curve.white_box(rows, epsilon, settings=settings, seed=seed, progress=progress)
    return int(result.success.sum())


def _middle(points: Sequence[Point]) -> Point:
    """The point whose robust accuracy is nearest to half of the largest."""
    most = max(row["robust_accuracy"] for row, _ in points)
    return min(points, key=lambda point: abs(point[0]["robust_accuracy"] - most / 2))
