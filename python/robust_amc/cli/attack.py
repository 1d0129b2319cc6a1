"""`htrd attack`: perturbations as files, of one waveform for all frames or of each frame."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import __version__, data, power, provenance
from .. import frames as frame_layout
from ..arrays import Floats
from ..attacks import (
    AttackSettings,
    Goal,
    LinkSettings,
    StreamSettings,
    Universal,
    craft,
    per_burst,
    universal_stream,
    white_box,
)
from ..attacks.link import UNKNOWN
from ..classifier import Classifier
from ..data import FrameDataset
from ..data.formats import npz, raw, registry
from ..errors import UserError
from ..evaluation.levels import in_words, levels
from ..files import Document, replacing, write_json
from ..runtime.device import pick_device
from .console import err, out, progress, working
from .options import (
    Dataset,
    Device,
    Seed,
    Targets,
    parse_floats,
    parse_names,
    refuse_overwriting,
)

DEFAULT = AttackSettings()
STREAM = StreamSettings()
OVER = ",".join(STREAM.link.over)
OWN = data.Part.VALIDATION  # of a model's own data, so that the test part can be evaluated
_KEPT = ("scaling", "sample_rate_hz")  # of the metadata: a perturbation does not change them
app = typer.Typer(help="Write perturbations to files.", no_args_is_help=True)

Model = Annotated[str, typer.Option(help="Name or file of the model to attack.")]
Part = Annotated[
    data.Part | None,
    typer.Option(help="Part of the data set (default: all; of a model's own data, see below)."),
]
Pnr = Annotated[float, typer.Option(help="PNR in dB.")]
Snr = Annotated[str | None, typer.Option(help="SNR labels in dB, comma-separated (default: all).")]
Frames = Annotated[int | None, typer.Option(min=1, help="Maximum number of frames.")]
Wanted = Annotated[Goal, typer.Option(help="What counts as a success.")]
Over = Annotated[
    str,
    typer.Option(help=f"What of the link is not known, of {', '.join(UNKNOWN)}, comma-separated."),
]
Carrier = Annotated[
    float, typer.Option(help="Largest carrier offset, in cycles a sample: 100 Hz at 200 kS/s.")
]
Clock = Annotated[float, typer.Option(help="Largest error of the sample clock, in ppm.")]


@app.command()
def universal(
    model: Model,
    dataset: Dataset,
    output: Annotated[Path, typer.Option(help="The waveform to write (.cf32); .json beside it.")],
    snr: Snr = None,
    pnr: Pnr = 0.0,
    frames: Frames = 1000,
    part: Part = None,
    goal: Wanted = Goal.EVASION,
    over: Annotated[
        str | None,
        typer.Option(
            help="Search in expectation over a link, from frames of two or more of the model's: "
            f"what of it is not known, of {', '.join(UNKNOWN)} (default: no search)."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Of that search.")] = 3 * STREAM.steps,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Of the waveform that it makes (default: a frame's).")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Write one waveform that perturbs every frame: what a transmitter can send in real time.

    As many samples as a frame has, complex float32 with mean power 1; scale it to the wanted
    PNR. A JSON file beside it says what it was made from and what it won there at --pnr. Of a
    model's own data set the validation part is used.
    """
    sidecar = output.with_suffix(".json")
    refuse_overwriting(output, [".cf32"])
    refuse_overwriting(sidecar)
    classifier = Classifier.load(model, pick_device(device))
    whole, chosen, part = _frames(dataset, classifier, part, OWN, snr, frames, seed)
    epsilon = _epsilon(chosen, pnr)
    if samples is not None and over is None:
        raise UserError("--samples goes with --over: else the waveform is as long as a frame")
    with working(f"crafting on {len(chosen)} frames"):
        if over is None:
            found = craft(classifier, chosen.iq, chosen.label, epsilon, goal=goal)
        else:
            settings = replace(STREAM, link=LinkSettings(_unknown(over)), steps=steps)
            found = universal_stream(
                classifier, chosen.iq, chosen.label, epsilon, goal=goal, settings=settings,
                samples=samples or classifier.frame_length, seed=seed,
            )  # fmt: skip
    with replacing(output) as temporary:
        found.unit_power.astype("<c8").tofile(temporary)
    write_json(
        sidecar,
        {
            "samples": len(found.unit_power),
            "mean_power": 1.0,
            "energy_share": found.energy_share,
            "objective": found.objective,
            "goal": goal.value,
            "pnr_db": pnr,
            "success_rate": found.success_rate,
            "frames": found.frames,
            "over": list(_unknown(over)),
        }
        | _origin(classifier, dataset, whole, part, chosen, seed),
    )
    out.print(
        f"{output}: {len(found.unit_power)} samples from {found.frames} frames; "
        f"{_energy(found)}wins {found.success_rate:.1%} of them at PNR {pnr:g} dB",
        highlight=False,
    )


@app.command()
def pgd(
    model: Model,
    dataset: Dataset,
    output: Annotated[Path, typer.Option(help="The data set to write (.npz).")],
    pnr: Pnr,
    snr: Snr = None,
    frames: Frames = None,
    part: Part = None,
    goal: Wanted = Goal.EVASION,
    steps: Annotated[int, typer.Option(min=1, help="PGD steps.")] = DEFAULT.steps,
    restarts: Annotated[int, typer.Option(min=0, help="PGD restarts.")] = DEFAULT.restarts,
    targets: Targets = DEFAULT.targets,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Write the frames of a data set after the white-box attack on a model, as a data set.

    Of a model's own data set the test part is used. What was done is in the metadata.
    """
    refuse_overwriting(output, [".npz"])
    settings = replace(DEFAULT, steps=steps, restarts=restarts, targets=targets)
    classifier = Classifier.load(model, pick_device(device))
    whole, chosen, part = _frames(dataset, classifier, part, data.Part.TEST, snr, frames, seed)
    with progress() as bar:
        task = bar.add_task("attacking", total=len(chosen), note="frames won")
        result = white_box(
            classifier,
            chosen.iq,
            chosen.label,
            _epsilon(chosen, pnr),
            goal=goal,
            settings=settings,
            seed=seed,
            others=(chosen.iq, chosen.label),
            progress=lambda won, share: bar.update(task, completed=won),
        )
    attack = {
        "attack": "pgd",
        "goal": goal.value,
        "pnr_db": pnr,
        "attack_settings": asdict(settings),
        "success_rate": float(result.success.mean()),
    }
    # Under a key of its own: these frames are no longer what the generator makes of its seed
    metadata = attack | _origin(classifier, dataset, whole, part, chosen, seed)
    scaling = {key: value for key, value in whole.metadata.items() if key == "scaling"}
    metadata |= scaling | {"perturbed_from": whole.metadata}
    npz.write(replace(chosen, iq=result.iq, metadata=metadata), output)
    out.print(
        f"{output}: {len(chosen)} frames, {result.success.mean():.1%} of them won", highlight=False
    )


@app.command()
def stream(
    source: Annotated[
        str,
        typer.Argument(metavar="INPUT", help=f"The bursts: {registry.readable()}; or 'sample'."),
    ],
    output: Annotated[
        Path, typer.Argument(help=f"The file to write: {' or '.join(registry.writable())}.")
    ],
    model: Model,
    pnr: Pnr,
    over: Over = OVER,
    carrier: Carrier = STREAM.link.carrier,
    clock: Clock = STREAM.link.clock * 1e6,
    burst: Annotated[
        int | None,
        typer.Option(min=1, help="Samples of a burst (default: the frames of the file)."),
    ] = None,
    snr: Snr = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Maximum number of bursts.")] = None,
    goal: Wanted = Goal.EVASION,
    steps: Annotated[int, typer.Option(min=1, help="Gradient steps.")] = STREAM.steps,
    draws: Annotated[int, typer.Option(min=1, help="Links a step and burst.")] = STREAM.draws,
    sample_rate: Annotated[float | None, typer.Option(help="Of raw samples, in Hz.")] = None,
    modulation: Annotated[str | None, typer.Option(help="Of raw samples: their class.")] = None,
    label_snr: Annotated[float | None, typer.Option(help="Of raw samples, in dB.")] = None,
    datatype: Annotated[
        str | None, typer.Option(help="Of raw samples, as SigMF names it: cf32_le, …")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Perturb the bursts of a recording for a receiver that is not synchronized with it.

    Expectation over transformation: each gradient is that of a mean over links drawn anew, so the
    perturbation holds wherever the receiver's frames begin, at any phase, carrier offset and
    channel in the ranges. The budget is that of a burst's mean power. A burst is what the file has
    as a frame, or so many samples of a recording; it must be longer than a frame of the model.
    """
    for each in registry.targets(output):
        refuse_overwriting(each)
    link = LinkSettings(_unknown(over), carrier, clock * 1e-6)
    settings = StreamSettings(link, steps, draws=draws)
    classifier = Classifier.load(model, pick_device(device))
    whole = data.read(source, burst, raw.RawFacts(sample_rate, modulation, label_snr, datatype))
    chosen = whole.require_classes(classifier.classes).select(snr_db=parse_floats(snr))
    chosen = chosen.limit(frames, seed).in_memory()
    with progress() as bar:
        task = bar.add_task("attacking", total=len(chosen), note="bursts")
        iq = per_burst(
            classifier, chosen.iq, chosen.label, _epsilon(chosen, pnr), settings=settings,
            goal=goal, seed=seed, progress=lambda done, total: bar.update(task, completed=done),
        )  # fmt: skip
    found = levels(chosen, iq, pnr)
    attack = {"attack": "stream", "goal": goal.value, "attack_settings": asdict(settings)}
    metadata = attack | found | _origin(classifier, source, whole, data.Part.ALL, chosen, seed)
    kept = {key: whole.metadata[key] for key in _KEPT if key in whole.metadata}
    metadata |= kept | {"perturbed_from": whole.metadata}
    registry.write(replace(chosen, iq=iq, metadata=metadata), output)
    out.print(f"{output}: {len(chosen)} bursts of {chosen.frame_length} samples", highlight=False)
    out.print(in_words(found), highlight=False)


def _unknown(over: str | None) -> tuple[str, ...]:
    """The names in --over."""
    return () if over is None else tuple(parse_names(over))


def _energy(found: Universal) -> str:
    if found.energy_share is None:
        return ""
    return f"{found.energy_share:.0%} of their gradients' energy, "


def _frames(
    dataset: str,
    classifier: Classifier,
    part: data.Part | None,
    own: data.Part,
    snr: str | None,
    count: int | None,
    seed: int,
) -> tuple[FrameDataset, FrameDataset, data.Part]:
    """The data set, its chosen frames, and which part they are; `own` of one the model knows."""
    whole = data.read(dataset)
    known, split_seed = provenance.part_to_evaluate(whole, [classifier], part)
    part = own if part is None and known is not data.Part.ALL else known
    err.print(f"attacking {part.value} of {dataset}", highlight=False)
    chosen = data.part(whole, part, split_seed).require_classes(classifier.classes)
    return whole, chosen.select(snr_db=parse_floats(snr)).limit(count, seed).in_memory(), part


def _epsilon(dataset: FrameDataset, pnr_db: float) -> Floats:
    return power.epsilon(frame_layout.energy(dataset.iq.astype(np.float32)), dataset.snr_db, pnr_db)


def _origin(
    classifier: Classifier,
    dataset: str,
    whole: FrameDataset,
    part: data.Part,
    chosen: FrameDataset,
    seed: int,
) -> Document:
    return {
        "model": classifier.name,
        "dataset": Path(dataset).name,
        "fingerprint": whole.fingerprint(),
        "part": part.value,
        "snr_db": [float(level) for level in np.unique(chosen.snr_db)],
        "seed": seed,
        "version": __version__,
    }
