"""Standard training: the frames as they are, one-hot labels."""

import torch.nn.functional as F


class Standard:
    """Makes a batch of standard training. Keeps no state."""

    name = "standard"

    def batch(self, network, iq, label, rows, classes, generator):
        """Inputs and soft labels for a batch: the frames and one-hot labels."""
        return iq, F.one_hot(label, classes).float()

    def state_dict(self):
        """Nothing to keep between epochs."""
        return {}

    def load_state_dict(self, state):
        """Nothing to restore."""
