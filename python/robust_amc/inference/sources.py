"""What engines are made of: a classifier, or an ONNX file of ours."""

from ..frames import Scaling
from ..runtime.device import has_bfloat16
from . import quantize
from .engine import Precision
from .onnx_engine import OnnxRuntimeEngine
from .onnx_model import load, read_document, to_onnx
from .openvino_engine import OpenVinoEngine
from .torch_engine import TorchEngine


class OfClassifier:
    """Engines of a Classifier."""

    def __init__(self, classifier, scaling):
        self.classifier = classifier
        self.scaling = classifier.scaling if scaling == "as_model" else Scaling(scaling)
        self._model = {}

    def pairs(self, wanted):
        """Engines and precisions, the reference first."""
        found = [("torch", Precision.FLOAT32)]
        if has_bfloat16(self.classifier.device):
            found.append(("torch", Precision.BFLOAT16))
        if self.classifier.device.type != "cpu":
            return found
        found += [("onnxruntime", Precision.FLOAT32), ("openvino", Precision.FLOAT32)]
        if has_bfloat16("cpu"):
            found.append(("openvino", Precision.BFLOAT16))
        if wanted is Precision.INT8:
            found += [("onnxruntime", Precision.INT8), ("openvino", Precision.INT8)]
        return found

    def is_risky(self, precision):
        """Whether an engine must be checked although there is no other."""
        return precision is Precision.INT8

    def limits(self):
        """Why there may be no engine."""
        if self.classifier.device.type != "cpu":
            return "a model on a GPU is for torch"
        return (
            "int8 is for onnxruntime and openvino (pip extras onnx, openvino), bfloat16 for torch "
            f"and openvino, and this processor {'has' if has_bfloat16('cpu') else 'lacks'} it"
        )

    def make(self, engine, precision, threads):
        """An InferenceEngine."""
        if engine == "torch":
            return TorchEngine(self.classifier, precision, self.scaling)
        model = self._onnx(precision is Precision.INT8)
        if engine == "onnxruntime":
            return OnnxRuntimeEngine(model, threads)
        return OpenVinoEngine(model, precision, threads)

    def reference(self, engine, iq):
        """Decisions that others have to agree with; `engine` is of the first pair."""
        return self.classifier.decide(iq, self.scaling)

    def _onnx(self, quantized):
        if quantized not in self._model:
            model = to_onnx(self.classifier, self.scaling)
            if quantized:
                model = quantize.quantize(model, quantize.calibration_frames(self.classifier))
            self._model[quantized] = model
        return self._model[quantized]


class OfFile:
    """Engines of an ONNX file of ours."""

    def __init__(self, path):
        self.model = load(path)
        self.precision = Precision(read_document(self.model)["exported"]["precision"])

    def pairs(self, wanted):
        """Engines and precisions, the reference first."""
        found = [("onnxruntime", self.precision), ("openvino", self.precision)]
        if self.precision is Precision.FLOAT32 and has_bfloat16("cpu"):
            found.append(("openvino", Precision.BFLOAT16))
        return found

    def is_risky(self, precision):
        """Whether an engine must be checked although there is no other: that was done before."""
        return False

    def limits(self):
        """Why there may be no engine."""
        return f"the file holds {self.precision}, for onnxruntime and openvino"

    def make(self, engine, precision, threads):
        """An InferenceEngine."""
        if engine == "onnxruntime":
            return OnnxRuntimeEngine(self.model, threads)
        return OpenVinoEngine(self.model, precision, threads)

    def reference(self, engine, iq):
        """Decisions that others have to agree with; `engine` is of the first pair."""
        return engine.decide(iq)
