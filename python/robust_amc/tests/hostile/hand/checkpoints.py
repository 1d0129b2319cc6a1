"""Checkpoints of a training."""

import io

from .. import sound
from .making import ODD, each_of


def cases():
    import torch

    def made(tensors=None, without=(), **facts):
        def content():
            found = {
                n: v.detach().clone() for n, v in sound.run_tensors().items() if n not in without
            }
            return sound.safetensors_file(found | (tensors or {}), sound.run_facts() | facts)

        return content

    def torch_file():
        target = io.BytesIO()
        torch.save({"identity": {"seed": 1}, "epoch": 1}, target)
        return target.getvalue()

    contents = {
        "sound": made(),
        "of PyTorch": torch_file,
        "another run": made(identity={"seed": 2}),
        "no weights": made(without=("network.weight",)),
        "a tensor more": made({"network.more": torch.zeros(3)}),
        "another shape": made({"network.weight": torch.zeros(4, 4)}),
        "another type": made({"network.weight": torch.zeros(4, 3, dtype=torch.float64)}),
        "NaN": made({"network.weight": torch.full((4, 3), float("nan"))}),
        "a step more": made({"optimizer.9.step": torch.zeros(())}),
        "sets": b"\x80\x04" + b"\x8f" * 5_000_000 + b".",
    }
    for name, odd in ODD.items():
        for field in ("identity", "epoch", "history"):
            contents[f"{field}: {name}"] = made(**{field: odd})
    yield from each_of("checkpoint", ".checkpoint", contents)
