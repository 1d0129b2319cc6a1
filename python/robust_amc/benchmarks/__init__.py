"""What `htrd bench` measures, each beside an obvious baseline, see docs/benchmarks.md.

`training`, `attack`, `svm` and `inference` each have ``bench(…)``, which returns
``{"settings": {…}, "rows": […]}``, and make the sides of their comparison; `sides` measures
them in turn. `agreement` compares what attacks achieve, not how fast they are.
"""

from . import agreement, attack, inference, svm, training

__all__ = ["agreement", "attack", "inference", "svm", "training"]
