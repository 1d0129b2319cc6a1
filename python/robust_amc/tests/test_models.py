import pytest
import torch
import torch.nn.functional as F

from robust_amc.errors import UserError
from robust_amc.models import build
from robust_amc.models.dropout import ByteDropout


def layer_by_layer(network, iq):
    """VT-CNN2 as the notebook writes it: convolutions over a one-channel image."""
    maps = F.relu(network.conv1(F.pad(iq[:, None] * network.input_gain, (2, 2))))
    maps = F.relu(network.conv2(F.pad(maps, (2, 2))))
    features = F.relu(network.dense1(maps.flatten(1)))
    return features, network.dense2(features)


def test_vtcnn2_is_the_published_network():
    network = build("vtcnn2", 11)
    assert sum(weight.numel() for weight in network.parameters()) == 2_830_427


@pytest.mark.parametrize("length", [128, 64])
def test_matrix_products_equal_convolutions(length):
    torch.manual_seed(0)
    network = build("vtcnn2", 11, length, input_gain=3.0).eval()
    iq = torch.randn(5, 2, length)
    features, logits = layer_by_layer(network, iq)
    torch.testing.assert_close(network.features(iq), features)
    torch.testing.assert_close(network(iq), logits)


def test_gradients_equal_those_of_convolutions():
    torch.manual_seed(1)
    network = build("vtcnn2", 3, 32).eval()
    iq = torch.randn(4, 2, 32, requires_grad=True)
    inputs = [iq, *network.parameters()]
    ours = torch.autograd.grad(network(iq).square().sum(), inputs)
    theirs = torch.autograd.grad(layer_by_layer(network, iq)[1].square().sum(), inputs)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_dropout_drops_half_and_keeps_the_mean():
    torch.manual_seed(2)
    dropout = ByteDropout(0.5)
    out = dropout(torch.ones(100_003))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    # 100,003 fair coins: 5 standard deviations are 0.8 %
    assert abs((out == 0).float().mean() - 0.5) < 0.008
    # neighbors are independent: the same coin twice would give 0.5
    assert abs((out[1:] * out[:-1] > 0).float().mean() - 0.25) < 0.008
    assert (dropout.eval()(torch.ones(5)) == 1).all()


def test_unknown_architecture():
    with pytest.raises(UserError, match="vtcnn2"):
        build("resnet", 11)
