"""Training: one loop, and one way for each training to make its batches."""

from .adversarial import Adversarial, AdversarialSettings
from .augment import AugmentSettings
from .customized import CATSettings, CustomizedAdversarial, Rule
from .loop import History, TrainSettings, train
from .ls_gna import LSGNA, LSGNASettings
from .method import METHODS, Method
from .outliers import OutlierSettings
from .plan import Plan, run
from .standard import Standard
from .trades import Trades, TradesSettings

__all__ = [
    "LSGNA",
    "METHODS",
    "Adversarial",
    "AdversarialSettings",
    "AugmentSettings",
    "CATSettings",
    "CustomizedAdversarial",
    "History",
    "LSGNASettings",
    "Method",
    "OutlierSettings",
    "Plan",
    "Rule",
    "Standard",
    "Trades",
    "TradesSettings",
    "TrainSettings",
    "run",
    "train",
]
