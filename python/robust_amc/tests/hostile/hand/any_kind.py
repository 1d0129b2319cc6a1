"""Files of no kind, under the names of every kind."""

import gzip
import os

from .making import DEEP, of_bytes

SUFFIXES = {
    ".npz": "dataset",
    ".pkl": "dataset",
    ".hdf5": "dataset",
    ".sigmf-meta": "dataset",
    ".cf32": "dataset",
    ".safetensors": "model",
    ".onnx": "onnx",
    ".checkpoint": "checkpoint",
    ".toml": "system",
    ".json": "figure",
}


def cases():
    def pipe(suffix):
        def make(folder):
            os.mkfifo(folder / f"x{suffix}")
            return folder / f"x{suffix}"

        return make

    def link(suffix, target):
        def make(folder):
            (folder / f"x{suffix}").symlink_to(target)
            return folder / f"x{suffix}"

        return make

    def folder_of(suffix):
        def make(folder):
            (folder / f"x{suffix}").mkdir()
            return folder / f"x{suffix}"

        return make

    def named(suffix, name):
        def make(folder):
            path = folder / f"{name}{suffix}"
            path.write_bytes(b"nothing")
            return path

        return make

    for suffix, reader in SUFFIXES.items():
        yield f"{suffix} a pipe", reader, pipe(suffix), True
        for target in ("/dev/zero", "/dev/full", "/proc/self/mem", "itself", "nothing"):
            target = f"x{suffix}" if target == "itself" else target
            yield f"{suffix} a link to {target}", reader, link(suffix, target), True
        yield f"{suffix} a folder", reader, folder_of(suffix), True
        yield f"{suffix} a name that steers", reader, named(suffix, "a\x1b[2J\nb"), True
        yield f"{suffix} a name with markup", reader, named(suffix, "a[red]b[bold]"), True
        for name, content in {
            "empty": b"",
            "one byte": b"\x80",
            "zeros": bytes(5000),
            "text": b"hello\n" * 100,
            "a bomb": gzip.compress(bytes(1 << 20)),
            "0xff": b"\xff" * 5000,
            "deep JSON": b"[" * DEEP,
            "deep objects": b'{"a":' * DEEP,
        }.items():
            yield f"{suffix} {name}", reader, of_bytes(suffix, content), True
