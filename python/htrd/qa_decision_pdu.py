#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions as messages: what is written is read again, in the forms that PMT has."""

import numpy as np
import pmt
from gnuradio import gr_unittest
from gnuradio.htrd.messages import decision_pdu, pmt_vectors
from robust_amc.decisions import DecisionBatch

HUGE = 1 << 40


class QaVectors(gr_unittest.TestCase):
    def test_longs(self):
        for values in ([], [0, -1, 5], [HUGE, -HUGE], [1, HUGE, -3]):
            made = pmt_vectors.longs(np.array(values, np.int64))
            by_hand = pmt.make_vector(len(values), pmt.PMT_NIL)
            for row, value in enumerate(values):
                pmt.vector_set(by_hand, row, pmt.from_long(value))
            self.assertTrue(pmt.equal(made, by_hand))
            for vector in (made, by_hand):
                found = pmt_vectors.read_longs(vector)
                self.assertEqual((found.dtype, found.tolist()), (np.int64, values))

    def test_symbols(self):
        names = ["BPSK", None, "", "Ω" * 20, "BPSK"]
        self.assertEqual(pmt_vectors.read_symbols(pmt_vectors.symbols(names)), names)
        self.assertEqual(pmt_vectors.read_symbols(pmt_vectors.symbols([])), [])
        with self.assertRaises(ValueError):
            pmt_vectors.read_symbols(pmt.make_vector(2, pmt.from_long(1)))


class QaDecisions(gr_unittest.TestCase):
    def setUp(self):
        self.batch = DecisionBatch(
            frame_index=np.array([3, HUGE, 5]),
            modulation=["BPSK", None, "QPSK"],
            score=np.array([0.5, -np.inf, 2.0]),
            threshold=np.full(3, 0.25),
            truth=["BPSK", "QPSK", None],
            snr_db=np.array([10.0, np.nan, -4.0]),
            pnr_db=np.full(3, np.nan),
            sample_offset=np.array([2**53 + 1, -1, 0]),
            rx_time=[None, pmt.make_tuple(pmt.from_uint64(7), pmt.from_double(0.5)), None],
            scores=np.arange(6, dtype=np.float32).reshape(3, 2),
            classes=("BPSK", "QPSK"),
            prediction_set=[("BPSK",), None, ()],
        )

    def same(self, found, row=slice(None)):
        for name in ("frame_index", "score", "threshold", "snr_db", "pnr_db", "scores",
                     "sample_offset"):
            np.testing.assert_array_equal(getattr(found, name), getattr(self.batch, name)[row])
        for name in ("modulation", "truth", "prediction_set"):
            self.assertEqual(getattr(found, name), getattr(self.batch, name)[row])
        whens = [when and pmt.to_python(when) for when in self.batch.rx_time[row]]
        self.assertEqual(found.rx_time, whens)

    def test_a_batch(self):
        found = decision_pdu.decode(decision_pdu.encode(self.batch))
        self.same(found)
        self.assertEqual(found.classes, self.batch.classes)
        self.assertEqual(found.rejected.tolist(), [False, True, False])

    def test_single_decisions(self):
        for row in range(3):
            found = decision_pdu.decode(decision_pdu.encode_one(self.batch, row))
            self.same(found, slice(row, row + 1))

    def test_through_a_socket(self):
        """As gr-zeromq sends it."""
        sent = pmt.deserialize_str(pmt.serialize_str(decision_pdu.encode(self.batch)))
        self.same(decision_pdu.decode(sent))

    def test_offsets_as_they_were_sent_before(self):
        offsets = pmt.init_f64vector(3, [128.0, np.nan, -np.inf])
        whole = decision_pdu.encode(self.batch)
        fields = pmt.dict_add(pmt.car(whole), pmt.intern("sample_offset"), offsets)
        found = decision_pdu.decode(pmt.cons(fields, pmt.cdr(whole)))
        self.assertEqual(found.sample_offset.tolist(), [128, -1, -1])

    def test_other_messages(self):
        whole = decision_pdu.encode(self.batch)
        damaged = pmt.dict_add(pmt.car(whole), pmt.intern("truth"), pmt.from_long(1))
        sets = pmt.make_vector(3, pmt.from_long(1))
        odd = pmt.dict_add(pmt.car(whole), pmt.intern("prediction_set"), sets)
        for wrong in (
            pmt.cons(odd, pmt.cdr(whole)),
            pmt.PMT_NIL, pmt.from_long(1), pmt.cons(pmt.make_dict(), pmt.PMT_NIL),
            pmt.cons(pmt.car(whole), pmt.from_long(1)), pmt.cons(damaged, pmt.cdr(whole)),
        ):  # fmt: skip
            with self.assertRaises(ValueError):
                decision_pdu.decode(wrong)


if __name__ == "__main__":
    gr_unittest.run(QaDecisions)
