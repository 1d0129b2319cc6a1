# SPDX-License-Identifier: GPL-3.0-or-later
"""Attack on bursts before they are sent, for a receiver that is not synchronized."""

import numpy as np
import pmt
from gnuradio import gr
from robust_amc import frames, power
from robust_amc.errors import UserError

from .checks import (
    LARGEST_SEED,
    LONGEST_FRAME,
    as_choice,
    as_db,
    as_list,
    as_number,
    as_text,
    as_whole,
)
from .injection import Injection
from .messages import control, ports, signal_pdu
from .model import load
from .tally import EverySecond

MOST_STEPS = 10**6
MOST_SAMPLES = 1 << 16  # of a burst: all its frames go through the network at once
MOST_WAITING = 10_000  # bursts


class stream_injector(Injection, gr.sync_block):
    """Perturbs bursts so that a receiver is fooled wherever its frames begin.

    Messages in, port `bursts`: PDUs of a dictionary and complex samples. The true class is the
    text `modulation` of the dictionary, else the model's most frequent decision on the burst's
    frames; the SNR is its number `snr_db`, else the parameter. Messages out: `bursts`, the same
    with perturbed samples; the dictionary is kept, and `pnr_db` and `psr_db` (double, measured over
    the burst's mean power) are added. Of the bursts of a burst_source, which say their bits, only
    the symbols are perturbed, not the silence around them, and a share of the perturbation can be
    spared the friendly receiver (robust_amc.modem.Spared).

    Bursts shorter than two frames or longer than 65,536 samples, that are zero or not finite, of a
    class that the model does not know, those that are to be spared but do not say their bits, and
    those that come too fast pass as they are, without `pnr_db`. `status`, a dictionary, with the
    first burst and then about once a second: see :meth:`status`. `control` in: `pnr_db`, `enabled`
    and `spared`, as (name, value) or a dictionary.

    Expectation over transformation, l2 PGD through links that are drawn anew at each step, see
    robust_amc.attacks.stream. It takes seconds a burst: for real time take a universal waveform
    (htrd attack universal --over, block Perturbation Adder).

    Args:
        model: the system under attack: a shipped model's name or a file
        pnr_db: perturbation-to-noise ratio in dB
        snr_db: SNR in dB for bursts that do not say it
        over: what of the link is not known, a list of ``timing``, ``phase``, ``carrier``,
            ``clock``, ``channel`` and ``filter``
        carrier: largest carrier offset, in cycles a sample
        clock: largest relative error of the sample clock
        enabled: attack, or let the bursts pass
        steps: gradient steps
        goal: ``evasion`` (a wrong class is accepted) or ``evasion_or_rejection``
        seed: of the links that are drawn
        frame_length: samples in a frame of the receiver
        queue_bursts: how many may wait; of more the oldest pass as they are
        device: where PyTorch computes: ``cpu``, ``cuda`` or ``auto``
        spared: share of the perturbation's amplitude, 0 … 1, that is taken out of what the friendly
            receiver's decisions depend on

    Raises UserError for a missing model, another frame length, and settings out of range.
    """

    def __init__(self, model, pnr_db=-10.0, snr_db=10.0, over=("timing", "phase", "carrier"),
                 carrier=0.0005, clock=20e-6, enabled=True, steps=100, goal="evasion", seed=0,
                 frame_length=frames.FRAME_LENGTH, queue_bursts=20, device="cpu", spared=0.0):
        # Here: PyTorch takes seconds to import, and flowgraphs without this block need none of it
        from robust_amc.attacks import Goal, LinkSettings, StreamSettings, per_burst
        from robust_amc.modem import Spared

        self._snr_db, self._seed = as_db("snr_db", snr_db), as_whole("seed", seed, 0, LARGEST_SEED)
        names = tuple(as_text("over", name) for name in as_list("over", over))
        link = LinkSettings(names, as_number("carrier", carrier), as_number("clock", clock))
        self._settings = StreamSettings(
            link, as_whole("steps", steps, 1, MOST_STEPS), draws=1  # three take three times as long
        )
        self._goal = Goal(as_choice("goal", goal, tuple(Goal)))
        self._frame_length = as_whole("frame_length", frame_length, 1, LONGEST_FRAME)
        self._queue = as_whole("queue_bursts", queue_bursts, 1, MOST_WAITING)
        self.set_pnr_db(pnr_db)
        self.set_enabled(enabled)
        self.set_spared(spared)
        gr.sync_block.__init__(self, "stream_injector", in_sig=None, out_sig=None)
        self._log = control.LogOnce("stream_injector")
        self._model = load(model, self._frame_length, as_text("device", device))
        self._attack, self._sparing = per_burst, Spared
        self._counts = dict.fromkeys(("bursts", "attacked", "passed", "dropped", "invalid"), 0)
        self._period = EverySecond()
        self._listen_to_control(spared=self.set_spared)
        ports.send(self, "bursts", "status")
        ports.receive(self, bursts=self.handle_bursts, system=self.handle_system)

    def spared(self):
        """The share of the perturbation that is spared the friendly receiver."""
        return self._spared

    def set_spared(self, value):
        """Set that share, 0 … 1, from the next burst on; UserError outside."""
        self._spared = as_number("spared", value, 0, 1)

    def status(self):
        """Bursts so far: `bursts`, and of these `attacked`, `passed`, `dropped` and `invalid`.

        Those that passed could not be attacked, or were not to be; the dropped ones came too fast,
        and passed too; the invalid messages held no burst.
        """
        return dict(self._counts)

    @ports.tolerant
    def handle_bursts(self, message):
        """A message on `bursts`."""
        late = self.nmsgs(pmt.intern("bursts")) >= self._queue
        try:
            self._pass_on(message, late)
        finally:
            self._counts["bursts"] += 1
            self._report(False)

    @ports.tolerant
    def handle_system(self, message):
        """GNU Radio's word that a block before this one has ended."""
        ports.drain(self, bursts=self.handle_bursts)
        self._report(True)
        self.system_handler(message)

    def _pass_on(self, message, late):
        """Send a burst, perturbed where it can be."""
        try:
            pdu = signal_pdu.decode(message)
        except ValueError as error:
            self._counts["invalid"] += 1
            raise ValueError(f"burst ignored: {error}") from None
        made = None
        if late:
            self._counts["dropped"] += 1
            self._log.warn("dropped", "bursts come faster than they can be attacked")
        elif self._enabled:
            try:
                made = self._perturbed(pdu)
            except UserError as error:
                self._log.warn("passed", f"a burst passes as it is: {error}")
        if made is None:
            self._counts["passed"] += not late
        else:
            self._counts["attacked"] += 1
            message = made
        self.message_port_pub(pmt.intern("bursts"), message)

    def _perturbed(self, pdu):
        """The message of a SignalPdu after the attack; UserError where there is none."""
        iq = frames.to_iq(pdu.samples[None])
        if not frames.valid(iq)[0]:
            raise UserError("it is zero or not finite")
        if len(pdu.samples) > MOST_SAMPLES:
            raise UserError(f"it has {len(pdu.samples)} samples, more than {MOST_SAMPLES}")
        active, shape = self._meant_for(pdu)
        iq = iq[:, :, active]
        snr_db = signal_pdu.number(pdu.facts, "snr_db")
        snr_db = self._snr_db if snr_db is None or abs(snr_db) > power.LARGEST_DB else snr_db
        energy = float(frames.energy(iq.astype(np.float64))[0])
        radius = power.epsilon(energy, snr_db, self._pnr_db)
        self._settings.link.frames_of(iq.shape[2], self._frame_length)  # or there is no label
        made = self._attack(
            self._model, iq, [self._label(pdu, iq)], radius, settings=self._settings,
            goal=self._goal, seed=self._seed, shape=shape,
        )  # fmt: skip
        added = float(frames.energy((made - iq).astype(np.float64))[0])
        samples = pdu.samples.copy()
        samples[active] = frames.to_complex(made)[0]
        return signal_pdu.encode(
            pdu.facts, samples,
            pnr_db=float(power.pnr_db(added, energy, snr_db)),
            psr_db=float(power.psr_db(added, energy)),
        )  # fmt: skip

    def _meant_for(self, pdu):
        """Which samples of a SignalPdu may be perturbed, and what shapes the perturbation.

        By what its friendly receiver sees; all, and None, of a burst that does not say its bits.
        """
        share, sent = self._spared, signal_pdu.sent_of(pdu.facts)
        if sent is None:
            if share:
                raise UserError("it does not say its bits, so that nothing of it can be spared")
            return slice(None), None
        if not signal_pdu.is_length_of(len(pdu.samples), sent):
            raise UserError(f"its bits do not make {len(pdu.samples)} samples")
        return sent.active, self._sparing(sent, share).shape if share else None

    def _label(self, pdu, iq):
        """Number of the true class, by its name or by what the model decides most often."""
        name = signal_pdu.modulation_of(pdu.facts)
        if name is not None:
            if name not in self._model.classes:
                raise UserError(f"the model does not know the class {name[:40]!r}")
            return self._model.classes.index(name)
        whole = iq.shape[2] // self._frame_length * self._frame_length
        cut = iq[0, :, :whole].reshape(2, -1, self._frame_length).transpose(1, 0, 2)
        best = self._model.decide(cut, frames.AS_MODEL).score.argmax(1)
        return int(np.bincount(best).argmax())

    def _report(self, is_end):
        """Send `status` if it is time."""
        if self._period.passed() is not None or is_end:
            self.message_port_pub(pmt.intern("status"), pmt.to_pmt(self.status()))
