"""What `htrd bench` measures, each beside an obvious baseline, see docs/benchmarks.md.

`training`, `attack`, `svm` and `inference` each have ``bench(…)``, which returns
``{"settings": {…}, "rows": […]}``, and make the sides of their comparison; `sides` measures
them in turn.
"""

from . import attack, inference, svm, training

__all__ = ["attack", "inference", "svm", "training"]
