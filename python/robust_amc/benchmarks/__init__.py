"""What `htrd bench` measures, each beside an obvious baseline, see docs/benchmarks.md.

`training`, `attack` and `svm` each have ``bench(…)``, which returns ``{"settings": {…},
"rows": […]}``, and make the sides of their comparison; `sides` measures them in turn.
"""

from . import attack, svm, training

__all__ = ["attack", "svm", "training"]
