"""An attack objective: toward the class that was likeliest beside the true one, and stay there."""

import torch


def likeliest(classifier, outputs, label: torch.Tensor) -> torch.Tensor:
    """Logit of the true class minus the log of the summed exponentials of all others, ``[n]``."""
    true = outputs.logits.gather(1, label[:, None])
    others = outputs.logits.scatter(1, label[:, None], -torch.inf)
    return true[:, 0] - torch.logsumexp(others, 1)
