# SPDX-License-Identifier: GPL-3.0-or-later
"""An IQEngine plugin: the signals in the samples, each as an annotation with its modulation.

It lies in the folder of the plugin server, whose modules it imports; README.md says how.
"""

from functools import cache

from models.models import Output
from models.plugin import Plugin
from robust_amc.classifier import Classifier
from robust_amc.frontend.detect import DetectorSettings, SignalDetector
from robust_amc.streams.scan import Scanner
from robust_amc.streams.signal_annotations import annotations

PIECE = 1 << 18  # samples that are looked at in one piece
load = cache(Classifier.load)


class htrd_scan(Plugin):  # noqa: N801 (the server looks for the name of the folder)
    """The parameters that IQEngine shows, by their types; the first two it sets itself.

    Attributes:
        sample_rate: in Hz
        center_freq: of the middle of the band, in Hz
        model: a shipped model's name, or a file (.safetensors)
        level_db: how far over the noise a signal has to be, in dB
        bins: of a spectrum
        most_frames: of a signal that are decided
    """

    sample_rate: float = 0.0
    center_freq: float = 0.0
    model: str = "field"
    level_db: float = 6.0
    bins: int = 512
    most_frames: int = 512

    def rf_function(self, samples, job_context=None):
        """The annotations of complex64 samples ``[n]``, which count from the first of them.

        Raises UserError for parameters that make no sense; the server shows its text.
        """
        scanner = Scanner(load(self.model), self.sample_rate, self.center_freq, self.most_frames)
        closing_db = min(DetectorSettings.close_db, self.level_db)
        detector = SignalDetector(
            DetectorSettings(bins=self.bins, open_db=self.level_db, close_db=closing_db)
        )
        found = []
        for first in range(0, len(samples), PIECE):
            ended = detector.push(samples[first : first + PIECE])
            found += [scanner.scan(each) for each in ended]
        found += [scanner.scan(each) for each in detector.finish()]
        return Output(annotations=annotations(found, self.model, self.sample_rate))
