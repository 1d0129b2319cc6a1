"""Text: systems' TOML files and results."""

import itertools
import json

import numpy as np

from .. import sound, spoil
from .making import DEEP, each_of, of_bytes


def systems():
    values = {
        "NaN": "nan",
        "infinite": "inf",
        "negative": "-1",
        "0": "0",
        "text": "'x'",
        "a list": "[1]",
        "a table": "{a = 1}",
        "41 digits": "1" * 41,
        "5000 digits": "1" * 5000,
        "2^63": str(2**63),
        "a date": "1979-05-27",
        "true": "true",
        "1e308": "1e308",
    }
    fields = (
        "training.seed",
        "training.epochs",
        "training.learning_rate",
        "training.method",
        "training.architecture",
        "training.snr_db",
        "cat.r_max",
        "rejector.kind",
        "rejector.gamma",
        "rejector.target_rejection",
    )
    for field, (name, value) in itertools.product(fields, values.items()):
        table, entry = field.split(".")
        lines = [line for line in sound.SYSTEM.splitlines() if not line.startswith(f"{entry} =")]
        lines.insert(lines.index(f"[{table}]") + 1, f"{entry} = {value}")
        content = "\n".join(lines).encode()
        yield f".toml {field}: {name}", "system", of_bytes(".toml", content), True
    grid = "\n".join(
        f'"{name}" = {[1 + i / 100 for i in range(60)]}'
        for name in ("rejector.gamma", "rejector.C", "cat.step_size", "training.learning_rate")
    )
    yield from each_of(
        "system",
        ".toml",
        {
            "60^4 combinations": sound.SYSTEM.partition("[sweep]")[0].encode()
            + f"[sweep]\n{grid}".encode(),
            "deep lists": b"title = " + b"[" * DEEP,
            "deep lists, closed": b"x=" + b"[" * 3000 + b"]" * 3000,
            "deep tables": b"a" + b".a" * DEEP + b" = 1",
            "deep inline tables": b"a=" + b"{a=" * 3000,
            "deep headers": b"[a" + b".a" * DEEP + b"]",
            "a key of 200 kB": b"a" * 200_000 + b" = 1",
            "10 MB": b"#" * 9_000_000,
            "100,000 tables": b"".join(b"[t%d]\n" % i for i in range(20_000)),
            "a sweep of one list of 100,000": sound.SYSTEM.partition("[sweep]")[0].encode()
            + f'[sweep]\n"cat.r_max" = {[0.1] * 40_000}'.encode(),
            "a title that steers": sound.SYSTEM.replace("mine", "\\u001b[2J").encode(),
            "a start of a long name": b'title="x"\n[training]\nstart_from="' + b"x" * 5000 + b'"',
            "a network of a long name": b'title="x"\nnetwork="' + b"x" * 5000 + b'"',
            "another encoding": "title = 'ü'".encode("latin1"),
            "UTF-16": "title = 'x'".encode("utf-16"),
            "sound": sound.SYSTEM.encode(),
        },
    )


def figures():
    def row(**changes):
        document = sound.results(1)
        document["rows"][0] = document["rows"][0] | changes
        return document

    def detail(**changes):
        document = sound.results(1)
        document["details"][0] = document["details"][0] | changes
        return document

    documents = {
        "sound": sound.results(),
        "fused": sound.results(1),
        "no rows": sound.results(0),
        "rows without details": sound.results(1) | {"details": []},
        "no settings": sound.results(1) | {"settings": {}},
        "a name that steers": row(model="\x1b[2J\n"),
        "a name of markup": row(model="[/b]$\\frac$"),
        "a name of 5 MB": row(model="x" * 5_000_000),
        "an accuracy of text": row(accuracy="x"),
        "no accuracy": row(accuracy=None),
        "an accuracy of NaN": row(accuracy=float("nan")),
        "a negative count": detail(confusion=[[-1, 0, 0, 0, 0]] * 4),
        "a count of 10^400": detail(confusion=[[10**400, 0, 0, 0, 0]] * 4),
        "counts of text": detail(confusion=[["x"] * 5] * 4),
        "no counts": detail(confusion=[]),
        "zeros": detail(confusion=[[0] * 5] * 4),
        "a ragged matrix": detail(confusion=[[1] * 5, [1]] * 2),
        "a deep matrix": detail(confusion=spoil.deep(40)),
        "no classes": detail(classes=[]),
        "classes of numbers": detail(classes=[1, 2, 3, 4]),
        "a class twice": detail(classes=["a"] * 4),
        "classes that steer": detail(classes=["\x1b", "a\n", "b", "c"]),
        "2000 classes": detail(classes=[str(i) for i in range(2000)]),
        "rows of numbers": sound.results(1) | {"rows": [1]},
        "100,000 rows": {**sound.results(1), "rows": [sound.results(1)["rows"][0]] * 30_000},
    }
    contents = {name: json.dumps(document).encode() for name, document in documents.items()}
    yield from each_of("figure", ".json", contents, ".json, of evaluate:")
    large = sound.results(1)
    table = np.eye(100, 101, dtype=int) * 7
    large["details"][0] |= {"classes": [f"c{i}" for i in range(100)], "confusion": table.tolist()}
    for name, document in {
        "85 rows": sound.results(85),
        "90 rows": sound.results(90),
        "91 rows": sound.results(91),
        "100 classes": large,
    }.items():
        make = of_bytes(".json", json.dumps(document).encode())
        yield f".json, of evaluate: {name}", "figure", make, False


def sweeps():
    def row(**changes):
        document = sound.sweep_results()
        document["rows"][0] |= changes
        return document

    documents = {
        "sound": sound.sweep_results(),
        "no rows": sound.sweep_results() | {"rows": []},
        "only failures": sound.sweep_results() | {"rows": sound.sweep_results()["rows"][1:]},
        "rows of numbers": sound.sweep_results() | {"rows": [1]},
        "no settings": {"rows": []},
        "settings of a list": sound.sweep_results() | {"settings": []},
        "values of a list": row(values=[1]),
        "an accuracy of text": row(robust_accuracy="x"),
        "an interval of one": row(robust_accuracy_interval=[1]),
        "an interval of nothing": row(accuracy_interval=None),
        "no accuracy": row(accuracy=None),
        "an error of a number": row(error=3),
    }
    contents = {name: json.dumps(document).encode() for name, document in documents.items()}
    yield from each_of("sweep", ".json", contents, ".json, of sweep:")
