"""SigMF recordings and raw samples."""

import json
import struct

from .. import sound, spoil
from .making import each_of


def _recording(document, samples=None, links=None):
    def make(folder):
        meta = folder / "x.sigmf-meta"
        found = document() if callable(document) else document
        meta.write_bytes(found if isinstance(found, bytes) else json.dumps(found).encode())
        if links:
            (folder / "x.sigmf-data").symlink_to(links)
        else:
            (folder / "x.sigmf-data").write_bytes(sound.samples() if samples is None else samples)
        return meta

    return make


def _with_annotations(entries, **info):
    return sound.sigmf_document(**info) | {"annotations": entries}


def cases():
    one = sound.annotations(1)[0]
    own, own_samples = sound.own_recording()

    def overlapping(count, length=2048, **more):
        entry = one | {"core:sample_start": 0, "core:sample_count": length} | more
        return lambda: _with_annotations([entry] * count)

    documents = {
        "120,000 that overlap": overlapping(80_000),
        "many short ones": overlapping(80_000, 1),
        "many of one frame": overlapping(80_000, 128),
        "many decisions": overlapping(80_000, 128, **{"core:generator": "htrd classify 1"}),
        "sound": sound.sigmf_document(),
        "no annotations": _with_annotations([]),
        "a start of 2^63": _with_annotations([one | {"core:sample_start": 2**63 - 1}]),
        "a start of 1e18": _with_annotations([one | {"core:sample_start": 1e18}]),
        "a start of 10^400": _with_annotations([one | {"core:sample_start": 10**400}]),
        "a count of 2^63": _with_annotations([one | {"core:sample_count": 2**63 - 1}]),
        "an offset of 2^63": _with_annotations([one], **{"core:offset": 2**63 - 1}),
        "an SNR of 1e300": _with_annotations([one | {"capture_details:SNRdB": 1e300}]),
        "an SNR of text": _with_annotations([one | {"capture_details:SNRdB": "\x1b[2J"}]),
        "a label that steers": _with_annotations([one | {"core:label": "\x1b[2J\n"}]),
        "a label of markup": _with_annotations([one | {"core:label": "[/b]"}]),
        "a label of 5 MB": _with_annotations([one | {"core:label": "x" * 5_000_000}]),
        "50,000 labels": lambda: _with_annotations(
            [one | {"core:label": f"x{i}"} for i in range(50_000)]
        ),
        "200,000 captures": lambda: (
            sound.sigmf_document()
            | {"captures": [{"core:sample_start": i} for i in range(200_000)]}
        ),
        "captures out of order": sound.sigmf_document()
        | {"captures": [{"core:sample_start": i} for i in (9, 3, 2**62)]},
        "no captures": sound.sigmf_document() | {"captures": []},
        "a generator of a number": _with_annotations([one | {"core:generator": 3}]),
        "runs at the limit": _with_annotations(
            [one | {"htrd:first_run": 2**31 - 1, "htrd:run_step": 1}]
        ),
        "a frame of 0": sound.sigmf_document(**{"htrd:frame_length": 0}),
        "a frame of 1": sound.sigmf_document(**{"htrd:frame_length": 1}),
        "a frame of 2^40": sound.sigmf_document(**{"htrd:frame_length": 2**40}),
        "classes of numbers": sound.sigmf_document(**{"htrd:classes": [1, None, {}]}),
        "100,000 classes": lambda: sound.sigmf_document(
            **{"htrd:classes": sound.CLASSES + [f"x{i}" for i in range(100_000)]}
        ),
        "classes in a class": sound.sigmf_document(**{"htrd:classes": [sound.CLASSES]}),
        "metadata of a list": sound.sigmf_document(**{"htrd:metadata": [1]}),
        "another checksum": sound.sigmf_document(**{"core:sha512": "0" * 128}),
        "a checksum of text": sound.sigmf_document(**{"core:sha512": "x"}),
        "1000 channels": sound.sigmf_document(**{"core:num_channels": 1000}),
        "samples elsewhere": sound.sigmf_document(**{"core:dataset": "/etc/passwd"}),
        "a rate of 1e300": sound.sigmf_document(**{"core:sample_rate": 1e300}),
        "extensions of text": sound.sigmf_document(**{"core:extensions": "x"}),
        "a million extensions": lambda: sound.sigmf_document(
            **{"core:extensions": [{"name": "x", "version": "1.0.0", "optional": True}] * 50_000}
        ),
        "a tree of lists": sound.sigmf_document(**{"htrd:x": spoil.deep(40)}),
        "extra of another length": own
        | {"annotations": [each | {"htrd:true_snr_db": [1]} for each in own["annotations"]]},
        "extra of text": own
        | {"annotations": [each | {"htrd:channel_id": "x"} for each in own["annotations"]]},
    }
    for datatype in (
        "cf64_le",
        "cf32_be",
        "ci8",
        "cu8",
        "ci16_le",
        "ci32_le",
        "cu32_be",
        "rf32_le",
        "cf32_le\n",
        "cf16_le",
        "ci64_le",
        "",
        "cu²",
    ):
        documents[f"samples of type {ascii(datatype)}"] = sound.sigmf_document(
            **{"core:datatype": datatype}
        )
    for reader in ("dataset", "stream"):
        for name, document in documents.items():
            samples = own_samples if "extra" in name else None
            yield f".sigmf-meta {reader} {name}", reader, _recording(document, samples), True
        for target in ("/dev/zero", "/dev/full", "x.sigmf-data", "nothing"):
            make = _recording(sound.sigmf_document(), links=target)
            yield f".sigmf-meta {reader} samples in {target}", reader, make, True
        for name, samples in {
            "no samples": b"",
            "half a sample": sound.samples()[:-3],
            "NaN": b"\xff" * 16384,
            "large ones": struct.pack("<f", 3e38) * 4096,
        }.items():
            make = _recording(sound.sigmf_document(), samples)
            yield f".sigmf-meta {reader} {name}", reader, make, True
    bytes_ = bytes(5_000_000)
    yield (
        ".sigmf-meta frames of one sample, overlapping",
        "dataset",
        _recording(
            _with_annotations(
                [one | {"core:sample_start": 0, "core:sample_count": 2_500_000}] * 7,
                **{"core:datatype": "cu8", "htrd:frame_length": 8},
            ),
            bytes_,
        ),
        False,
    )
    yield (
        ".sigmf-meta stream of many frames and annotations",
        "stream",
        _recording(
            lambda: _with_annotations(
                [
                    one | {"core:sample_start": 128 * (i % 9000) + 1, "core:sample_count": 200}
                    for i in range(40_000)
                ],
                **{"core:datatype": "cu8"},
            ),
            bytes_,
        ),
        False,
    )


def raw_cases():
    yield from each_of(
        "dataset",
        ".cf32",
        {
            "samples": sound.samples(),
            "half a sample": sound.samples()[:-3],
            "empty": b"",
        },
        ".cf32, raw",
    )
