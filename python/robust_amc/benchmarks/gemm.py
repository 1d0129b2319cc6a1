"""How fast this machine multiplies matrices, and which share of that something reaches."""

import torch

from ..files import Document
from ..frames import FRAME_LENGTH
from ..models.vtcnn2 import VTCNN2
from ..runtime.device import batch_size
from ..runtime.memory import keep_freed_memory
from .report import precisions, row
from .sides import Rate, Rates, Side, Work

SQUARE = (2048, 2048, 2048)


def shapes() -> dict[str, tuple[int, int, int]]:
    """Name: (rows, inner, columns) of the products: a large square one, and that of conv2."""
    maps, inputs, height, taps = VTCNN2(11).conv2.weight.shape
    rows = batch_size("cpu") * (FRAME_LENGTH + 2)
    return {"square": SQUARE, "conv2": (rows, inputs * height, maps * taps)}


def sides() -> list[Side]:
    """A Side for each shape and precision; the unit is a GFLOP."""
    return [
        Side(_name(precision, shape), "gemm", product, {"shape": size, "precision": precision})
        for shape, size in shapes().items()
        for precision in precisions()
    ]


def product(shape: tuple[int, int, int], precision: str) -> Work:
    """A matrix product ``[rows, inner] @ [inner, columns]``, and its GFLOP."""
    keep_freed_memory()  # the processor is measured, not the system's handing out of memory
    rows, inner, columns = shape
    kind = getattr(torch, precision)
    left, right = torch.randn(rows, inner).to(kind), torch.randn(inner, columns).to(kind)
    result = torch.empty(rows, columns, dtype=kind)
    return lambda: torch.mm(left, right, out=result), 2e-9 * rows * inner * columns


def rows(rates: Rates) -> list[Document]:
    """The machine's rates, each beside that of float32."""
    return [
        row(
            f"GEMM {shape} {'x'.join(map(str, size))}, {precision}",
            rates[_name(precision, shape)].value,
            "GFLOP/s",
            "the same in float32",
            rates[_name("float32", shape)].value,
        )
        for shape, size in shapes().items()
        for precision in precisions()
    ]


def share(name: str, rate: Rate, precision: str, rates: Rates) -> Document:
    """A row with what a Rate reaches of the faster of both products in `precision`."""
    best = max(shapes(), key=lambda shape: rates[_name(precision, shape)].value)
    return row(
        f"{name}: share of GEMM",
        1e-9 * rate.value * rate.flop,
        "GFLOP/s",
        f"GEMM {best}, {precision}",
        rates[_name(precision, best)].value,
    )


def _name(precision: str, shape: str) -> str:
    return f"gemm {shape} {precision}"
