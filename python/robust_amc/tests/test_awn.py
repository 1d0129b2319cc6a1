"""AWN against a slow form of its lifting scheme, and its published size."""

import torch
import torch.nn.functional as F

from robust_amc.models import build
from robust_amc.models.awn import Lifting


def test_awn_has_the_published_size():
    assert sum(weight.numel() for weight in build("awn", 11).parameters()) == 124_043


def test_lifting_sample_by_sample():
    torch.manual_seed(0)
    layer, maps = Lifting(2), torch.randn(3, 2, 11)
    even, odd = maps[..., [0, 2, 4, 6, 8]], maps[..., [1, 3, 5, 7, 9]]

    def operator(layers, values):
        _, first, _, second, _ = layers
        padded = torch.cat([values[..., [2, 1]], values, values[..., [-2, -3]]], 2)
        for number, convolution in enumerate((first, second)):
            windows = padded.unfold(2, 3, 1)  # [n, channels, width, 3]
            padded = torch.einsum("nctk,dck->ndt", windows, convolution.weight)
            padded = padded + convolution.bias[:, None]
            padded = padded.tanh() if number else F.leaky_relu(padded, 0.01)
        return padded

    approximation, detail = layer(maps)
    expected = even + operator(layer.update, odd)
    torch.testing.assert_close(approximation, expected)
    torch.testing.assert_close(detail, odd - operator(layer.predict, expected))


def test_more_levels_give_more_details():
    network = build("awn", 5, 128, levels=3)
    assert network(torch.randn(2, 2, 128)).shape == (2, 5)
    assert network.dense1.in_features == 4 * 64
