"""Files that are not what they should be: cases made by hand, and sound files spoiled at random.

A case is reproducible: it depends on its name, and on the seed of the corpus where it is random.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from itertools import count as counted
from pathlib import Path

from . import hand, sound, spoil
from .hand.npz import with_fields

LARGEST = 10_000_000  # bytes of a file


@dataclass(frozen=True)
class Case:
    """One file, perhaps with others beside it.

    Attributes:
        name: says what it is
        reader: what reads it, see readers.READERS
        make: writes it into an empty folder, and returns the path to read
        is_cheap: takes a small part of a second
    """

    name: str
    reader: str
    make: Callable[[Path], Path]
    is_cheap: bool = True


def cases(seed: int, count: int, exported: bool = False) -> Iterator[Case]:
    """`count` cases: all that are made by hand, and then random ones of `seed`.

    `exported` has ONNX files that PyTorch made among what is spoiled, which takes seconds.
    """
    yield from islice(chain(made_by_hand(), spoiled(seed, exported)), count)


def made_by_hand() -> Iterator[Case]:
    """The cases that are made by hand."""
    for name, reader, make, is_cheap in hand.cases():
        yield Case(name, reader, make, is_cheap)


def spoiled(seed: int, exported: bool = False) -> Iterator[Case]:
    """Random cases, as many as are taken: of each kind of file in turn."""
    kinds = _kinds(exported)
    for number in counted():
        reader, suffix, make = kinds[number % len(kinds)]
        name = f"random {seed}.{number} {reader}{suffix}"
        yield Case(name, reader, _writing(name, suffix, make))


def _writing(name, suffix, spoiled):
    def make(folder):
        rng = random.Random(name)
        found = spoiled(rng)
        if isinstance(found, bytes):
            found = {suffix: found}
        for each, content in found.items():
            (folder / f"x{each}").write_bytes(content[:LARGEST])
        return folder / f"x{suffix}"

    return make


def _kinds(exported):
    """(reader, suffix, function of a random.Random that gives bytes, or bytes by suffix)."""

    def either(rng, *makers):
        return rng.choice(makers)()

    def npz(rng):
        content = either(
            rng,
            sound.npz,
            lambda: sound.npz(True),
            lambda: sound.npz(True, True),
            lambda: sound.npz(False, True),
        )
        return spoil.content(rng, content)

    def npz_metadata(rng):
        document = spoil.document(
            rng,
            {
                "seed": 1,
                "mode": "legacy",
                "generator": "x",
                "datatype": "ci16_le",
                "sample_rate_hz": 1e6,
                "derived_from": ["f00"],
                "format": "SigMF",
                "scaling": "none",
            },
        )
        return with_fields(metadata=json.dumps(document))

    def pickle(rng):
        return spoil.content(rng, sound.radioml_pickle(rng.choice([None, 0, 1, 2, 3, 4, 5])))

    def recording(rng):
        document, samples = sound.sigmf_document(), sound.samples()
        if rng.random() < 0.5:
            document, samples = sound.own_recording()
        if rng.random() < 0.2:
            samples = spoil.content(rng, samples)
        text = json.dumps(spoil.document(rng, document)).encode()
        if rng.random() < 0.2:
            text = spoil.content(rng, text)
        return {".sigmf-meta": text, ".sigmf-data": samples}

    def archive(rng):
        document = sound.sigmf_document()
        edges = {"core:freq_lower_edge": 1.001e8, "core:freq_upper_edge": 1.003e8}
        document["annotations"] += sound.annotations(**edges)
        content = sound.archive(spoil.document(rng, document), sound.samples())
        return content if rng.random() < 0.3 else spoil.content(rng, content)

    def wav(rng):
        code, bits = rng.choice([(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)])
        content = sound.wav(code, rng.choice([1, 2]), bits, rng.random() < 0.5)
        return spoil.content(rng, content)

    def array(*kinds):
        return lambda rng: spoil.content(rng, sound.frames_array(rng.choice(kinds)))

    def model(rng):
        tensors, document = sound.model(
            rng.choice(["plain", "svm", "autoencoder", "matched_filter", "awn"])
        )
        kind = rng.random()
        if kind < 0.6:
            return sound.safetensors_file(tensors, spoil.document(rng, document))
        if kind < 0.8:
            return sound.safetensors_file(spoil.tensors(rng, tensors), document)
        return spoil.content(rng, sound.safetensors_file(tensors, document))

    def checkpoint(rng):
        tensors, facts = sound.run_tensors(), sound.run_facts()
        if rng.random() < 0.5:
            facts = spoil.document(rng, facts)
        elif rng.random() < 0.5:
            tensors = spoil.tensors(rng, tensors)
        content = sound.safetensors_file(
            {name: value.detach().clone() for name, value in tensors.items()}, facts
        )
        return content if rng.random() < 0.7 else spoil.content(rng, content)

    def onnx(rng):
        if exported and rng.random() < 0.5:
            content = sound.exported()
        else:
            content = sound.onnx_model().SerializeToString()
        kind = rng.random()
        if kind < 0.3:
            return spoil.content(rng, content)
        if kind < 0.6:
            document = spoil.document(
                rng, sound.onnx_document(rejector=sound.rejector_facts(kind="svm"))
            )
            return sound.onnx_model(document=document).SerializeToString()
        return spoil.graph(rng, content)

    def system(rng):
        return spoil.text(rng, sound.SYSTEM)

    def of_document(made):
        def spoiled(rng):
            text = json.dumps(spoil.document(rng, made())).encode()
            return text if rng.random() < 0.8 else spoil.content(rng, text)

        return spoiled

    return [
        ("dataset", ".npz", npz),
        ("dataset", ".npz", npz_metadata),
        ("dataset", ".pkl", pickle),
        ("dataset", ".pkl", spoil.pickle_program),
        (
            "dataset",
            ".hdf5",
            lambda rng: spoil.content(
                rng, sound.hdf5(rng.choice(["earliest", "latest"]), rng.random() < 0.5)
            ),
        ),
        ("dataset", ".sigmf-meta", recording),
        ("stream", ".sigmf-meta", recording),
        ("dataset", ".sigmf", archive),
        ("stream", ".sigmf", archive),
        ("labeled", ".wav", wav),
        ("labeled", ".npy", array("npy")),
        ("labeled", ".mat", array("mat", "mat, packed")),
        ("model", ".safetensors", model),
        ("model", ".safetensors", model),
        ("onnx", ".onnx", onnx),
        ("onnx", ".onnx", onnx),
        ("checkpoint", ".checkpoint", checkpoint),
        ("system", ".toml", system),
        ("figure", ".json", of_document(sound.results)),
        ("sweep", ".json", of_document(sound.sweep_results)),
    ]


def write(case: Case, folder: Path) -> Path:
    """Write the files of a case; returns the one to read."""
    os.makedirs(folder, exist_ok=True)
    return case.make(folder)
