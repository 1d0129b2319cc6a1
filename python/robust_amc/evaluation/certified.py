"""Certified accuracy of a data set's frames beside what an attack leaves, frame by frame."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from .. import frames, json_text, power
from ..arrays import Bools, Floats, Integers
from ..data import FrameDataset
from ..decisions import REJECTED
from ..errors import UserError
from ..fields import maybe, real, table, whole
from ..files import Document, plain
from .metrics import Outcome, with_intervals
from .smoothing import Smoothed

_LONGEST = 1 << 28  # bytes of a file of frames
_FORM = table(
    {"frame": whole(0), "label": whole(-1), "radius": real(low=0), "broken_db": maybe(real())}
)


@dataclass(frozen=True)
class CertifiedFrame:
    """What was found of one frame.

    Attributes:
        frame: its place among those that are certified
        label, radius: see smoothing.Certificate
        broken_db: the smallest PNR at which the attack won; None: it never did, or the frame was
            wrong as it is
    """

    frame: int
    label: int
    radius: float
    broken_db: float | None


def certify(
    smoothed: Smoothed,
    dataset: FrameDataset,
    pnr_db: list[float],
    seed: int,
    rows: Integers,
    notes: "Notes",
    progress: Callable[[], None],
) -> list[CertifiedFrame]:
    """Certify and attack the frames `rows` of a FrameDataset; each draws its own random numbers.

    The attack goes through `pnr_db`, in rising order, until it has won; where a radius proves
    that it cannot, it is not tried. `notes` keep what was done before.
    """
    device = smoothed.classifier.device
    iq = torch.as_tensor(dataset.iq[rows].astype(np.float32), device=device)
    radii = epsilons(dataset.subset(rows), pnr_db)
    found = []
    for place, row in enumerate(rows.tolist()):
        known = notes.known.get(row)
        if known is None:
            known = _certify(
                smoothed, iq[place], int(dataset.label[row]), radii[place], pnr_db, seed, row
            )
            notes.add(known)
        found.append(known)
        progress()
    return found


def _certify(
    smoothed: Smoothed,
    iq: torch.Tensor,
    label: int,
    epsilon: Floats,
    pnr_db: list[float],
    seed: int,
    row: int,
) -> CertifiedFrame:
    state = np.random.SeedSequence([seed, row]).generate_state(1)
    generator = torch.Generator().manual_seed(int(state[0]))
    certificate = smoothed.certify(iq, generator)
    broken_db = None
    if certificate.label == label:
        for level, radius in zip(pnr_db, epsilon.tolist(), strict=True):
            if radius <= certificate.radius:
                continue
            perturbed = smoothed.attack(iq, label, radius, generator)
            if smoothed.predict(perturbed, smoothed.settings.judged, generator) != label:
                broken_db = level
                break
    return CertifiedFrame(row, certificate.label, certificate.radius, broken_db)


def epsilons(dataset: FrameDataset, pnr_db: list[float]) -> Floats:
    """Radii of a FrameDataset's frames at each PNR, ``[n, levels]``."""
    energy = np.asarray(frames.energy(dataset.iq.astype(np.float32)), float)
    radii = [power.epsilon(energy, dataset.snr_db, level) for level in pnr_db]
    return np.stack(radii, 1)


def rows_of(
    found: list[CertifiedFrame], dataset: FrameDataset, pnr_db: list[float]
) -> list[Document]:
    """A row for each PNR: shares of all frames, each with its 95 % bootstrap interval over runs.

    `certified_accuracy`: right, and proved to stay so; `robust_accuracy`: right, and the attack
    did not win; `accuracy`: right; `abstained`. The first is never above the second, the truth is
    between them.
    """
    label = np.array([each.label for each in found])
    radius = np.array([each.radius for each in found])
    broken = np.array([np.inf if each.broken_db is None else each.broken_db for each in found])
    right = label == dataset.label
    radii = epsilons(dataset, pnr_db)
    rows = []
    for number, level in enumerate(pnr_db):
        shares = {
            "certified_accuracy": right & (radius >= radii[:, number]),
            "robust_accuracy": right & (broken > level),
            "accuracy": right,
            "abstained": label == REJECTED,
        }
        row: Document = {"pnr_db": level, "frames": len(found)}
        for name, flags in shares.items():
            row |= _share(name, flags, dataset.run_id)
        rows.append(row)
    return rows


def _share(name: str, flags: Bools, run_id: Integers) -> Document:
    """The share of frames that something is true of, with its interval."""
    found = with_intervals(Outcome(np.ones(len(flags), int), flags.astype(int)), run_id)
    return {name: found["accuracy"], f"{name}_interval": found["accuracy_interval"]}


class Notes:
    """Frames that are done, in a file of JSON lines, so that a run that was stopped goes on.

    The first line is the run's identity. Attribute `known`: CertifiedFrames by their place.

    Args:
        path: of the file; None: nothing is kept
        identity: what the run is, for JSON
        resume: read what is there; else it is begun anew

    Raises UserError when what is there is damaged, or of another run.
    """

    def __init__(self, path: Path | None, identity: Document, resume: bool) -> None:
        self._path = path
        self.known: dict[int, CertifiedFrame] = {}
        if path is None:
            return
        if resume and path.exists():
            self._read(path, json.loads(json.dumps(plain(identity))))
        else:
            path.write_text(json.dumps(plain(identity)) + "\n")

    def add(self, frame: CertifiedFrame) -> None:
        """Keep a frame."""
        self.known[frame.frame] = frame
        if self._path is not None:
            with open(self._path, "a") as file:
                file.write(json.dumps(asdict(frame)) + "\n")

    def remove(self) -> None:
        """The run is done."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self, path: Path, identity: Document) -> None:
        if path.stat().st_size > _LONGEST:
            raise UserError(f"{path} is too large to be notes of htrd certify")
        first, *lines = path.read_text(errors="replace").splitlines() or [""]
        if json_text.parse(first, str(path)) != identity:
            raise UserError(f"{path} is of another run; delete it, or leave --resume out")
        for number, line in enumerate(lines):
            try:
                document = json_text.parse(line, str(path))
                _FORM(document, str(path))
            except UserError:
                if number == len(lines) - 1:  # it was stopped while writing this one
                    break
                raise
            frame = CertifiedFrame(**document)
            self.known[frame.frame] = frame
        kept = [first, *(json.dumps(asdict(each)) for each in self.known.values())]
        path.write_text("\n".join(kept) + "\n")
