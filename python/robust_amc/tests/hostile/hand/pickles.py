"""Pickles of RadioML."""

import pickle
import struct

import numpy as np

from robust_amc.tests.files import frames

from .. import sound
from .making import each_of


def cases():
    p2 = b"\x80\x02"
    array = sound.radioml_pickle(None)
    colliding = b"".join(
        b"\x8a\x10" + ((2**61 - 1) * i).to_bytes(16, "little") + b"K\x01" for i in range(1, 50_000)
    )
    yield from each_of(
        "dataset",
        ".pkl",
        {
            "sets": p2[:1] + b"\x04" + b"\x8f" * 5_000_000 + b".",
            "empty lists": p2 + b"]" * 5_000_000 + b".",
            "dictionaries": p2 + b"}" * 5_000_000 + b".",
            "marks": p2 + b"(" * 5_000_000 + b".",
            "tuples": p2 + b")" * 5_000_000 + b".",
            "None": p2 + b"N" * 5_000_000 + b".",
            "kept None": p2 + b"N" + b"q\x01" * 2_000_000 + b".",
            "memos": p2[:1] + b"\x04N" + b"\x94" * 2_000_000 + b".",
            "a deep key": p2 + b"})" + b"\x85" * 1_000_000 + b"K\x01s.",
            "a key without an end": p2 + b"})" + b"q\x01h\x01\x86" * 40 + b"K\x01s.",
            "a deep value": p2 + b"}(X\x01\x00\x00\x00aK\x02\x86)" + b"\x85" * 500_000 + b"u.",
            "a deep key in a pair": p2
            + b"}X\x01\x00\x00\x00a)"
            + b"\x85" * 500_000
            + b"\x86K\x01s.",
            "colliding numbers": p2 + b"}(" + colliding + b"u.",
            "a number of 4 MB": p2
            + b"}\x8b"
            + struct.pack("<i", 4_000_000)
            + b"\x01" * 4_000_000
            + b"K\x01s.",
            "digits of 4 MB": b"(I" + b"1" * 4_000_000 + b"\nI1\nd.",
            "hexadecimal digits of 4 MB": b"(I0x" + b"f" * 4_000_000 + b"\nI1\nd.",
            "a long number of 4 MB": b"(L" + b"1" * 4_000_000 + b"L\nI1\nd.",
            "digits of an index": b"}p" + b"9" * 4000 + b"\n.",
            "an index of 4 bytes": p2 + b"}r\xff\xff\xff\x7f.",
            "a name of 4 MB": b"c" + b"a" * 4_000_000 + b"\nb\n.",
            "a name that steers": b"cos\x1b[2J\nsystem\x07\n.",
            "a name in surrogates": p2[:1] + b"\x04\x8c\x03\xed\xa0\x80\x8c\x01a\x93.",
            "a stack of names": p2[:1] + b"\x04K\x01K\x02\x93.",
            "a function that is called": b"cnumpy\ndtype\n(V" + b"f4\ntR.",
            "a type of 999 characters": p2 + b"cnumpy\ndtype\nU\x04U999\x85R.",
            "a type of odd digits": p2 + "cnumpy\ndtype\nX\x03\x00\x00\x00U²\x85R.".encode(),
            "a shape of a million": p2
            + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b"
            b"\x87R(K\x01("
            + b"K\x01" * 500_000
            + b"tcnumpy\ndtype\nU\x02f4K\x00K\x01\x87R\x89U\x04abcdtb.",
            "arrays of nothing": p2
            + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b"
            b"\x87R(K\x01(J\xff\xff\xff\x7fJ\xff\xff\xff\x7fK\x00tcnumpy\ndtype\nU\x02f4K\x00K\x01\x87R\x89U\x00tb.",
            "frames in frames": p2[:1]
            + b"\x04"
            + b"\x95\x00\x00\x00\x00\x00\x00\x00\x00" * 100_000
            + b"}.",
            "a frame of terabytes": p2[:1] + b"\x04\x95" + b"\xff" * 5 + b"\x00\x00\x00}.",
            "two dictionaries": array[:-1] + array[2:],
            "something behind the end": array + array,
            "a dictionary in a key": p2 + b"}(}K\x02\x86K\x01u.",
            "a key of bytes": pickle.dumps({(b"QPSK", 2): frames(3)}, 4),
            "a key of a long name": pickle.dumps({("Q" * 101, 2): frames(3)}, 4),
            "a key that steers": pickle.dumps({("Q\x1b[2J", 2): frames(3)}, 4),
            "a key of a number": pickle.dumps({2: frames(3)}, 4),
            "a key of three": pickle.dumps({("Q", 2, 3): frames(3)}, 4),
            "an SNR of 10^30": pickle.dumps({("Q", 10**30): frames(3)}, 4),
            "an SNR that is true": pickle.dumps({("Q", True): frames(3)}, 4),
            "an SNR of NaN": pickle.dumps({("Q", float("nan")): frames(3)}, 4),
            "dates": pickle.dumps({("Q", 2): np.zeros((3, 2, 128), "M8[s]")}, 4),
            "objects": pickle.dumps({("Q", 2): np.full((3, 2, 128), None)}, 4),
            "structures": pickle.dumps({("Q", 2): np.zeros((3, 2, 128), [("a", "f4")])}, 4),
            "a masked array": pickle.dumps({("Q", 2): np.ma.zeros((3, 2, 128))}, 4),
            "a matrix": pickle.dumps({("Q", 2): np.asmatrix(np.zeros((3, 2)))}, 4),
            "an exception": pickle.dumps(ValueError("x"), 4),
            "a class": pickle.dumps(dict, 4),
            "a path": pickle.dumps({("Q", 2): __import__("pathlib").Path("/")}, 4),
            "no dimensions": pickle.dumps({("Q", 2): np.float32(1)}, 4),
            "NaN": pickle.dumps({("Q", 2): np.full((3, 2, 128), np.nan, "f4")}, 4),
            "frames of no samples": pickle.dumps({("Q", 2): np.zeros((3, 2, 0), "f4")}, 4),
            "sound": sound.radioml_pickle(4),
            "another order": pickle.dumps({("Q", 2): np.asfortranarray(frames(3))}, 4),
            "10,000 keys": lambda: pickle.dumps(
                {(f"Q{i % 100}", i // 100): frames(1, length=4) for i in range(10_000)}, 4
            ),
        },
    )
