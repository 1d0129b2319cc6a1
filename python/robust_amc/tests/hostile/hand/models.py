"""Model files."""

import json
import struct

from .. import sound
from .making import DEEP, ODD, each_of, of_bytes, with_field


def _model(kind="plain", change=None, tensors=None):
    def content():
        found, document = sound.model(kind)
        document = json.loads(json.dumps(document))
        if change:
            change(document)
        return sound.safetensors_file(found | (tensors or {}), document)

    return of_bytes(".safetensors", content)


PLACES = [
    ("svm", ("rejector", "threshold")),
    ("svm", ("rejector", "gamma")),
    ("svm", ("rejector", "feature_scale")),
    ("svm", ("rejector", "score_quantiles")),
    ("svm", ("rejector", "kind")),
    ("svm", ("rejector", "target_rejection")),
    ("svm", ("rejector",)),
    ("svm", ("classes",)),
    ("svm", ("frame_length",)),
    ("svm", ("scaling",)),
    ("svm", ("architecture",)),
    ("svm", ("architecture", "name")),
    ("svm", ("architecture", "input_gain")),
    ("svm", ("format_version",)),
    ("svm", ("training",)),
    ("svm", ("training", "start_from")),
    ("svm", ("training", "more")),
    ("svm", ("dataset",)),
    ("svm", ("dataset", "split_seed")),
    ("svm", ("metrics",)),
    ("svm", ("defense",)),
    ("autoencoder", ("rejector", "latent_dim")),
    ("autoencoder", ("rejector", "frame_length")),
    ("awn", ("architecture", "levels")),
    ("matched_filter", ("architecture", "samples_per_symbol")),
]


def cases():
    import torch

    for kind, path in PLACES:
        for name, odd in ODD.items():
            title = f".safetensors {kind} {'.'.join(path)}: {name}"
            yield title, "model", _model(kind, with_field(*path, to=odd)), True
    for name, change in {
        "frames of 60,000 samples": with_field("frame_length", to=60_000),
        "frames of a million samples": with_field("frame_length", to=10**6),
        "class names that steer": with_field("classes", to=["\x1b[2J", "a\n", "b", "c"]),
        "class names of markup": with_field("classes", to=["[/b]", "[red]", "b", "c"]),
        "a class twice": with_field("classes", to=["a", "a", "b", "c"]),
        "a million classes": with_field("classes", to=[str(i) for i in range(100_000)]),
        "empty class names": with_field("classes", to=["", " ", "b", "c"]),
        "a name of a module": with_field("architecture", "name", to="os:system"),
        "a long name": with_field("architecture", "name", to="x" * 10**6),
        "an unknown setting": with_field("architecture", "width", to=3),
        "a chain of starts": lambda document: document.update(training=_chain(200)),
        "a short chain of starts": lambda document: document.update(training=_chain(20)),
    }.items():
        yield f".safetensors {name}", "model", _model("plain", change), True
    for kind in ("plain", "svm", "autoencoder", "matched_filter", "awn"):
        yield f".safetensors {kind}, sound", "model", _model(kind), True
        yield (
            f".safetensors {kind}, long",
            "model",
            _model(kind, with_field("frame_length", to=4096)),
            True,
        )
        yield (
            f".safetensors {kind}, longest",
            "model",
            _model(kind, with_field("frame_length", to=65536)),
            False,
        )
    yield (
        ".safetensors levels of 1024",
        "model",
        _model("awn", with_field("architecture", "levels", to=1024)),
        False,
    )
    for name, tensors in {
        "NaN": {"network.dense2.bias": torch.full((4,), float("nan"))},
        "a tensor more": {"network.x": torch.zeros(3)},
        "of another shape": {"network.dense2.bias": torch.zeros(5)},
        "half a rejector": {"rejector.intercept": torch.zeros(4)},
        "a tensor of 0 x 2^40": {"network.x": torch.zeros(0, 2**40)},
        "10,001 tensors": {f"network.x{i}": torch.zeros(0) for i in range(10_001)},
    }.items():
        yield f".safetensors {name}", "model", _model("plain", tensors=tensors), True
    header = json.dumps({"__metadata__": {"htrd": "{}"}}).encode()
    yield from each_of(
        "model",
        ".safetensors",
        {
            "a header of terabytes": struct.pack("<Q", 2**43) + b"{}",
            "a header of 100 MB": struct.pack("<Q", 10**8) + header,
            "a deep header": struct.pack("<Q", DEEP) + b"[" * DEEP,
            "an empty document": struct.pack("<Q", len(header)) + header,
            "tensors that overlap": _header(
                {
                    "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                    "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                },
                bytes(8),
            ),
            "a tensor beyond the end": _header(
                {"a": {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]}}, bytes(8)
            ),
            "a type of the future": _header(
                {"a": {"dtype": "F3", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)
            ),
        },
    )


def _header(entries, body):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + body


def _chain(length):
    training = {"method": "standard"}
    for _ in range(length):
        training = {
            "method": "x",
            "start_from": {"name": "a", "training": training, "dataset": sound.RECORD},
        }
    return training
