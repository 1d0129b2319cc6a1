# SPDX-License-Identifier: GPL-3.0-or-later
"""White-box attack on the frames that pass."""

from functools import partial

import numpy as np
import pmt
from gnuradio import gr
from gnuradio.gr.gateway import py_io_signature
from robust_amc import frames, power
from robust_amc.frames import Scaling

from .buffers import set_buffer
from .checks import (
    LARGEST_SEED,
    LONGEST_FRAME,
    as_choice,
    as_db,
    as_number,
    as_switch,
    as_text,
    as_whole,
)
from .injection import Injection
from .messages import control, ports, tags
from .model import load
from .tally import AttackRate

BUFFER = 256  # frames
SCALINGS = (frames.AUTO, frames.AS_MODEL, *Scaling)
MOST_STEPS, MOST_RESTARTS = 10**6, 10**4
REPLACED = (tags.PNR_DB, tags.ATTACK_SUCCESS, tags.SCALING)
TOO_SLOW = (
    "{:.0f} frames a second can be attacked, {:.0f} arrive: take fewer steps, or a universal "
    "perturbation, which is computed beforehand (htrd attack universal, block Perturbation Adder)"
)


class pgd_injector(Injection, gr.sync_block):
    """Adds to each frame the perturbation that l2 PGD finds against one target system.

    Input 0: frames, vectors of `frame_length` complex64. Output 0: the same frames, perturbed;
    output 1 (optional): the perturbations. All tags are kept on both outputs; attacked frames
    get `pnr_db` (double, measured), `attack_success` (bool) and `scaling` (symbol, what was
    taken to be in force behind the attack, ``none`` or ``sum_abs``). The true class is the
    `modulation` tag, else the model's own best class; the SNR is the `snr_db` tag, else the
    parameter. Frames that are not finite or all zero pass as they are and are counted.

    Frames are attacked in batches of what is at hand; the result is that of each frame alone
    but for rounding, and for random restarts, whose starts are drawn for the whole batch.

    Messages in, port `control`: `pnr_db` and `enabled`, as (name, value) or a dictionary.
    Messages out, port `status`: with the first frames and then about once a second, a
    dictionary: :meth:`AttackRate.report` and `invalid` frames so far.

    Args:
        model: the system under attack: a shipped model's name or a file
        pnr_db: perturbation-to-noise ratio in dB
        snr_db: SNR in dB for frames without a tag
        enabled: attack, or let the frames pass
        steps: gradient steps of each descent
        restarts: descents from random starts, beside the one from the frame itself
        objectives: how many of the attack's objectives to use (0: all)
        goal: ``evasion`` (a wrong class is accepted) or ``evasion_or_rejection``
        seed: of the random starts
        scaling: input scaling in force behind the attack: ``auto``, what a classifier with
            ``auto`` applies: none to frames that are scaled already; ``none``; ``as_model``; or
            ``sum_abs``
        batch_size: maximum number of frames attacked at once
        fast: search in bfloat16 (success is judged in float32 all the same)
        frame_length: samples in a frame
        device: where PyTorch computes: ``cpu``, ``cuda`` or ``auto``
        frame_rate: frames a second that arrive, to warn once when the attack cannot keep up
            (0: not known)

    The default settings are fast enough to watch, and too weak for robustness figures. For real
    time, take a universal perturbation (perturbation_adder). Raises UserError
    for a missing model, another frame length, levels that are not finite, and settings out of
    range.
    """

    def __init__(self, model, pnr_db=-10.0, snr_db=10.0, enabled=True, steps=5, restarts=0,
                 objectives=1, goal="evasion", seed=0, scaling="auto", batch_size=64, fast=True,
                 frame_length=frames.FRAME_LENGTH, device="cpu", frame_rate=0.0):
        # Here: PyTorch takes seconds to import, and flowgraphs without this block need none of it
        from robust_amc.attacks import AttackSettings, Goal, white_box

        steps = as_whole("steps", steps, 1, MOST_STEPS)
        restarts = as_whole("restarts", restarts, 0, MOST_RESTARTS)
        batch_size = as_whole("batch_size", batch_size, 1)
        objectives = as_whole("objectives", objectives)
        seed = as_whole("seed", seed, 0, LARGEST_SEED)
        goal = Goal(as_choice("goal", goal, tuple(Goal)))
        scaling = as_choice("scaling", scaling, SCALINGS)
        frame_length = as_whole("frame_length", frame_length, 1, LONGEST_FRAME)
        frame_rate, device = as_number("frame_rate", frame_rate, 0), as_text("device", device)
        self._snr_db, fast = as_db("snr_db", snr_db), as_switch("fast", fast)
        self.set_pnr_db(pnr_db)
        self.set_enabled(enabled)
        vector = (np.complex64, frame_length)
        gr.sync_block.__init__(
            self, "pgd_injector", in_sig=[vector], out_sig=py_io_signature(1, 2, [vector, vector])
        )
        self._log = control.LogOnce("pgd_injector")
        self._model = load(model, frame_length, device)
        settings = AttackSettings(
            steps=steps, restarts=restarts, objectives=objectives or None,
            chained=objectives != 1, fast=fast, targets=0,
        )
        self._attack = partial(white_box, self._model, goal=goal, settings=settings, seed=seed)
        self._auto = scaling == frames.AUTO
        self._scaling = frames.scaling_of(scaling, self._model.scaling)
        self._frame_rate, self._rate = frame_rate, AttackRate(frame_rate)
        self._batch_size = batch_size
        self._invalid = 0
        set_buffer(self, BUFFER)
        self.set_tag_propagation_policy(gr.TPP_DONT)  # work() leaves old results out
        self._listen_to_control()
        ports.send(self, "status")

    def invalid(self):
        """How many frames were not finite or all zero."""
        return self._invalid

    def rate(self):
        """Frames a second that the attack can do, measured last; 0: not known yet."""
        return self._rate.possible()

    def work(self, input_items, output_items):
        """Attack up to `batch_size` of the frames at hand."""
        count = min(len(input_items[0]), self._batch_size)
        clean = input_items[0][:count]
        output_items[0][:count] = clean
        iq = frames.to_iq(clean)
        usable = frames.valid(iq)
        self._count_invalid(np.count_nonzero(~usable))
        attacked = usable & self._enabled
        if attacked.any():
            begun = self._rate.begin()
            self._perturb(iq[attacked], attacked, output_items)
            self._rate.add(np.count_nonzero(attacked), begun)
        if len(output_items) > 1:
            output_items[1][:count] = 0
            output_items[1][:count][attacked] = output_items[0][:count][attacked] - clean[attacked]
        tags.forward(
            self, count, range(len(output_items)),
            keep=lambda row, key: not (attacked[row] and any(pmt.eq(key, k) for k in REPLACED)),
        )
        self._report()
        return count

    def _report(self):
        """Send `status` if it is time, and warn of a rate that is out of reach."""
        if report := self._rate.report():
            report["invalid"] = self._invalid
            self.message_port_pub(pmt.intern("status"), pmt.to_pmt(report))
            if self._rate.out_of_reach():
                self._log.warn("rate", TOO_SLOW.format(report["possible"], self._frame_rate))

    def _perturb(self, iq, attacked, outputs):
        """Attack `iq`, the frames `attacked` of those at hand; write them to the first output."""
        count = len(attacked)
        (snr_db,) = tags.numbers(self, count, tags.SNR_DB)
        known = np.abs(snr_db) <= power.LARGEST_DB
        snr_db = np.where(known, snr_db, self._snr_db)[attacked]
        truth = tags.names(self, count, tags.MODULATION, self._log)
        truth = np.array(truth, object)[attacked]
        rows, energy = np.flatnonzero(attacked), frames.energy(iq.astype(np.float64))
        epsilon = power.epsilon(energy, snr_db, self._pnr_db)
        scaled = self._scaled_behind(iq, tags.as_is(self, count)[attacked])
        for scaling, own in ((Scaling.NONE, ~scaled), (self._scaling, scaled)):
            if own.any():
                label = self._labels(truth[own], iq[own], scaling)
                result = self._attack(iq[own], label, epsilon[own], scaling=scaling)
                added = frames.energy(result.iq.astype(np.float64) - iq[own])
                pnr_db = power.pnr_db(added, energy[own], snr_db[own])
                outputs[0][rows[own]] = frames.to_complex(result.iq)
                self._tag(rows[own], pnr_db, result.success, scaling, range(len(outputs)))

    def _scaled_behind(self, iq, as_is):
        """Which frames get the model's scaling behind the attack, bool ``[n]``; `as_is` none."""
        if self._auto:
            return frames.unscaled(iq, self._scaling) & ~as_is
        own = self._model.scaling
        if self._scaling is Scaling.NONE and frames.mostly_unscaled(iq, own, as_is):
            self._log.warn("scaling", frames.UNSCALED.format(own))
        return np.full(len(iq), self._scaling is not Scaling.NONE)

    def _labels(self, truth, iq, scaling):
        """Class indices: the true one where its name is known, else the model's best class."""
        names = self._model.classes
        label = np.array([names.index(name) if name in names else -1 for name in truth], int)
        unknown = label < 0
        if unknown.any():
            label[unknown] = self._model.decide(iq[unknown], scaling).score.argmax(1)
        return label

    def _tag(self, rows, pnr_db, success, scaling, ports):
        start, behind = self.nitems_written(0), pmt.intern(scaling.value)
        for row, level, won in zip(rows.tolist(), pnr_db.tolist(), success.tolist(), strict=True):
            for port in ports:
                self.add_item_tag(port, start + row, tags.PNR_DB, pmt.from_double(level))
                self.add_item_tag(port, start + row, tags.ATTACK_SUCCESS, pmt.from_bool(won))
                self.add_item_tag(port, start + row, tags.SCALING, behind)

    def _count_invalid(self, count):
        self._invalid += int(count)
        if count:
            self._log.warn("invalid", "frames that are not finite or all zero pass unchanged")
