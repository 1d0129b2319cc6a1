"""Sound files of every kind, as bytes: what the corpus spoils. Small, and made once."""

import io
import json
import pickle
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import safetensors.torch
import scipy.io
import torch

from robust_amc import __version__, data
from robust_amc.data.formats import sigmf_recording
from robust_amc.inference.onnx_model import to_onnx
from robust_amc.model_file import VERSIONS
from robust_amc.models import build
from robust_amc.rejection.autoencoder import AutoencoderDetector
from robust_amc.rejection.svm import NeuralRejection
from robust_amc.tests import wav_files
from robust_amc.tests.files import (
    frames,
    npz_fields,
    python2_pickle,
    radioml_content,
    save_hdf5,
)
from robust_amc.training import checkpoint

CLASSES = ["BPSK", "QPSK", "8PSK", "GFSK"]
LENGTH = 128
RECORD = {"name": "a.npz", "fingerprint": "f00", "split_seed": 0, "metadata": {"seed": 1}}
SYSTEM = """\
title = "mine"
[training]
method = "cat"
epochs = 3
seed = 7
learning_rate = 1e-3
snr_db = [0.0, 10.0]
[cat]
r_max = 0.2
growth = 0.02
[rejector]
kind = "svm"
gamma = 0.01
target_rejection = 0.1
[sweep]
"cat.r_max" = [0.1, 0.15]
"rejector.C" = [0.1, 1.0, 10.0]
"""


def _written(save, suffix):
    """The bytes of the file that `save` writes to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{suffix}"
        save(path)
        return path.read_bytes()


@cache
def npz(compressed=False, extra=False):
    more = {"true_snr_db": np.ones(6, np.float32), "channel_id": np.arange(6, dtype=np.int32)}
    fields = npz_fields(**(more if extra else {}))
    return _written(
        lambda p: (np.savez_compressed if compressed else np.savez)(p, **fields), ".npz"
    )


@cache
def radioml_pickle(protocol):
    """By Python 2 (None), or by one of today's protocols."""
    content = radioml_content()
    return python2_pickle(content) if protocol is None else pickle.dumps(content, protocol)


@cache
def hdf5(libver="earliest", packed=False):
    options = {"compression": "gzip", "shuffle": True} if packed else None
    return _written(lambda p: save_hdf5(p, libver, 7 if packed else None, options), ".hdf5")


def annotations(count=3, **more):
    return [
        {
            "core:sample_start": 512 * i,
            "core:sample_count": 512,
            "core:label": CLASSES[i % 4],
            "capture_details:SNRdB": 10,
        }
        | more
        for i in range(count)
    ]


def sigmf_document(**info):
    known = {"core:datatype": "cf32_le", "core:version": "1.2.0", "core:sample_rate": 1e6}
    return {
        "global": known | info,
        "captures": [{"core:sample_start": 0, "core:frequency": 1e8}],
        "annotations": annotations(),
    }


@cache
def own_recording():
    """Metadata, as a document, and samples of a recording that we write ourselves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npz"
        path.write_bytes(npz(extra=True))
        meta = Path(folder) / "x.sigmf-meta"
        sigmf_recording.write(data.read(path), meta)
        return json.loads(meta.read_text()), meta.with_suffix(".sigmf-data").read_bytes()


@cache
def samples(count=2048):
    return frames(1, length=count).swapaxes(1, 2).tobytes()


def archive(document, content):
    """A recording in a tar file."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as file:
        for suffix, part in (("meta", json.dumps(document).encode()), ("data", content)):
            member = tarfile.TarInfo(f"x/x.sigmf-{suffix}")
            member.size = len(part)
            file.addfile(member, io.BytesIO(part))
    return made.getvalue()


def wav(code=wav_files.PCM, channels=2, bits=16, extensible=False):
    values = np.random.default_rng(3).uniform(-1, 1, 600 * channels)
    return wav_files.wav(
        wav_files.form(code, channels, 48_000, bits, extensible),
        wav_files.auxi(7_100_000),
        wav_files.chunk(b"data", wav_files.stored(values, code, bits)),
    )


def frames_array(kind):
    """Frames of one modulation in a file of the kind ``npy``, ``mat`` or ``mat, packed``."""
    iq = np.random.default_rng(4).standard_normal((6, 2, LENGTH))
    made = io.BytesIO()
    if kind == "npy":
        np.save(made, (iq[:, 0] + 1j * iq[:, 1]).astype("c8"))
    else:
        scipy.io.savemat(made, {"x": iq[:, 0] + 1j * iq[:, 1]}, do_compression=kind != "mat")
    return made.getvalue()


def model_document(**changes):
    training = {"method": "standard", "seed": 0, "epochs": 3, "start_from": None, "more": [RECORD]}
    return (
        {
            "architecture": {"name": "residual", "input_gain": 100.0},
            "classes": CLASSES,
            "frame_length": LENGTH,
            "scaling": "sum_abs",
            "training": training,
            "dataset": RECORD,
            "defense": {"training": "standard", "run_time": "none"},
            "metrics": {},
        }
        | VERSIONS
        | changes
    )


def rejector_facts(**more):
    return {
        "threshold": -0.1,
        "score_quantiles": [i / 100 - 1 for i in range(201)],
        "target_rejection": 0.1,
        "calibration_snr_db": [8.0, 10.0],
    } | more


@cache
def model(kind="plain"):
    """Tensors and document of a model: plain, svm, autoencoder, matched_filter or awn."""
    architecture = kind if kind in ("matched_filter", "awn") else "residual"
    torch.manual_seed(0)
    network = build(architecture, len(CLASSES), LENGTH, input_gain=100.0)
    document = model_document(architecture={"name": architecture, "input_gain": 100.0})
    tensors = {f"network.{name}": value.half() for name, value in network.state_dict().items()}
    rejector = None
    if kind == "svm":
        random = torch.randn(20, network.feature_count), torch.randn(20, 4), torch.randn(4)
        rejector = NeuralRejection(*random)
    elif kind == "autoencoder":
        rejector = AutoencoderDetector(len(CLASSES), LENGTH, 8)
    if rejector is not None:
        tensors |= {f"rejector.{name}": value for name, value in rejector.tensors().items()}
        document["rejector"] = rejector_facts(**rejector.facts())
    return {name: value.contiguous() for name, value in tensors.items()}, document


def safetensors_file(tensors, document):
    """The bytes of a model file; the document need not be sound."""
    return safetensors.torch.save(tensors, {"htrd": json.dumps(document)})


def onnx_document(**changes):
    return model_document() | {"exported": {"scaling": "none", "precision": "float32"}} | changes


def onnx_model(nodes=(), initializers=(), document=None, classes=4):
    """A small graph of the form that we export, with further nodes before it."""
    from onnx import TensorProto, helper, numpy_helper

    weight = np.random.default_rng(0).standard_normal((2 * LENGTH, classes)).astype(np.float32)
    graph = helper.make_graph(
        [
            *nodes,
            helper.make_node("Flatten", ["iq"], ["flat"], "features/flatten", axis=1),
            helper.make_node("MatMul", ["flat", "weight"], ["scores"], "logits/product"),
            helper.make_node("ArgMax", ["scores"], ["label"], "decision/best", axis=1, keepdims=0),
        ],
        "main_graph",
        [helper.make_tensor_value_info("iq", TensorProto.FLOAT, ["frames", 2, LENGTH])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["frames"]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["frames", classes]),
        ],
        [numpy_helper.from_array(weight, "weight"), *initializers],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    text = json.dumps(onnx_document() if document is None else document)
    made.metadata_props.add(key="htrd", value=text)
    return made


@cache
def exported():
    """What `htrd export` writes of a network with an SVM: takes seconds."""
    from robust_amc.classifier import Classifier

    network = build("residual", len(CLASSES), LENGTH, input_gain=100.0)
    random = torch.randn(20, network.feature_count), torch.randn(20, 4), torch.randn(4)
    document = model_document(rejector=rejector_facts())
    return to_onnx(
        Classifier(network, CLASSES, NeuralRejection(*random), -0.1, document)
    ).SerializeToString()


def run_tensors():
    """Tensors of a small training run."""
    network = torch.nn.Linear(3, 4)
    adam = torch.optim.Adam(network.parameters())
    return checkpoint.prefixed(
        network=network.state_dict(),
        optimizer=checkpoint.like_optimizer(adam),
        best=network.state_dict(),
    )


def run_facts():
    entries = [{"epoch": i, "loss": 1.0, "validation": 0.5} for i in range(2)]
    history = {"epochs": entries, "best_epoch": 0, "best_score": 0.5}
    return {"identity": {"seed": 1}, "epoch": 1, "history": history}


def results(rows=2):
    row = {"model": "htrd", "attack": "none", "snr_db": None, "pnr_db": None, "accuracy": 0.5}
    table = [[9, 1, 0, 0, 0], [0, 8, 1, 0, 1], [0, 0, 10, 0, 0], [1, 1, 1, 7, 0]]
    return {
        "settings": {"dataset": "sample.npz", "seed": 0},
        "rows": [row] * rows,
        "details": [{"model": "htrd", "classes": CLASSES, "confusion": table}] * rows,
    }


def sweep_results():
    measured = {}
    for name in (
        "accuracy",
        "accepted_accuracy",
        "rejection_rate",
        "robust_accuracy",
        "attacked_accuracy",
    ):
        measured |= {name: 0.5, f"{name}_interval": [0.4, 0.6]}
    return {
        "settings": {"seed": 0, "version": __version__},
        "rows": [
            {"values": {"cat.r_max": 0.1}} | measured,
            {"values": {"cat.r_max": 0.2}, "error": "the training loss is no longer finite"},
        ],
        "chosen": None,
    }
