"""Standard training: the frames as they are, one-hot labels."""

import torch.nn.functional as F

from .method import Method


class Standard(Method):
    """Makes a batch of standard training. Keeps no state."""

    def batch(self, network, iq, label, rows, classes, generator):
        """Inputs and soft labels for a batch: the frames and one-hot labels."""
        return iq, F.one_hot(label, classes).float()
