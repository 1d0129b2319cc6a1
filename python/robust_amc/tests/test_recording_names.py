"""Recordings as programs write them: what their names and headers say, read by all commands."""

import json
import struct

import numpy as np
import pytest

from robust_amc import data
from robust_amc.cli import main
from robust_amc.data.formats import file_names, raw, wav
from robust_amc.data.formats.base import RawFacts
from robust_amc.errors import UserError
from robust_amc.streams.opening import open_stream
from robust_amc.streams.recording import Facts
from robust_amc.tests.wav_files import PCM, auxi, chunk, form, stored
from robust_amc.tests.wav_files import wav as wav_file

LABELS = {"modulation": "QPSK", "snr_db": 10}
RAW = (  # name, NumPy type of a value, SigMF's type, rate, center
    ("gqrx_20200101_120000_433920000_1800000_fc.raw", "<f4", "cf32_le", 1.8e6, 433.92e6),
    ("g001_433.92M_250k.cu8", "u1", "cu8", 250e3, 433.92e6),
    ("g1234_868.3M_1024k.cs16", "<i2", "ci16_le", 1.024e6, 868.3e6),
    ("door_g017_315M_250k.cu8", "u1", "cu8", 250e3, 315e6),
    ("HackRF-20200101_120000-433_92MHz-1MSps-1MHz.complex16s", "i1", "ci8", 1e6, 433.92e6),
    ("RTL-SDR-20200101_120000-868MHz-2_048MSps.complex16u", "u1", "cu8", 2.048e6, 868e6),
    ("USRP-20200101_120000-1_2GHz-250KSps-2MHz.complex", "<f4", "cf32_le", 250e3, 1.2e9),
)
SILENT = (  # names that say no rate, or leave open which number is which
    "capture_2.4M.cu8", "433.92MHz.cs8", "iq_2400000.cs16", "rec_433920000_2400000.cf32",
    "HackRF_20200101_120000Z_433920kHz_IQ.cs8", "g001_433.92M.cu8", "x-1MSps.complex",
    "gqrx_20200101_120000_433920000_0_fc.cf32",
)  # fmt: skip


def values(dtype, count=2000):
    rng = np.random.default_rng(1)
    if dtype.kind == "f":
        return rng.uniform(-1, 1, count).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, count).astype(dtype)


def fractions(stored, dtype):
    if dtype.kind == "f":
        return stored
    scale = 2.0 ** (8 * dtype.itemsize - 1)
    return (stored.astype(float) - (scale if dtype.kind == "u" else 0)) / scale


def read_all(stream):
    blocks = iter(lambda: stream.source.read(0.1), None)
    return np.frombuffer(b"".join(blocks), stream.recording.dtype)


@pytest.mark.parametrize(("name", "kind", "datatype", "rate", "center"), RAW)
def test_raw_samples(tmp_path, name, kind, datatype, rate, center):
    """A stream for scan and classify, and a data set for convert."""
    path, dtype = tmp_path / name, np.dtype(kind)
    written = values(dtype)
    written.tofile(path)
    stream = open_stream(str(path), 128)
    known = stream.recording
    assert (known.datatype, known.sample_rate_hz) == (datatype, rate)
    assert known.center_frequency_hz == center
    np.testing.assert_array_equal(read_all(stream), written)
    found = data.read(path, 100, RawFacts(**LABELS))
    assert found.sample_rate_hz == rate and found.metadata["datatype"] == datatype
    pairs = found.in_memory().iq.swapaxes(1, 2).ravel()
    np.testing.assert_allclose(pairs, fractions(written, dtype), rtol=1e-6)


def test_what_is_said_comes_before_the_name(tmp_path):
    path = tmp_path / RAW[0][0]
    values(np.dtype("<i2")).tofile(path)
    known = open_stream(str(path), 128, facts=Facts("ci16_le", 2e6, 100e6)).recording
    assert (known.datatype, known.sample_rate_hz) == ("ci16_le", 2e6)
    assert known.center_frequency_hz == 100e6
    found = data.read(path, 100, RawFacts(2e6, datatype="ci16_le", **LABELS))
    assert found.sample_rate_hz == 2e6 and found.metadata["datatype"] == "ci16_le"


@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_guessed(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(8000))
    assert file_names.of_raw(name) == file_names.NamedFacts()
    known = open_stream(str(tmp_path / name), 128).recording
    assert known.sample_rate_hz is None and known.center_frequency_hz is None
    with pytest.raises(UserError, match="give --sample-rate"):
        data.read(tmp_path / name, 100, RawFacts(**LABELS))


def test_scan_and_the_type_of_other_names_ask(tmp_path, capsys):
    for name, option in (("capture_2.4M.cu8", "--sample-rate"), ("capture.raw", "--datatype")):
        (tmp_path / name).write_bytes(bytes(8000))
        with pytest.raises(SystemExit) as end:
            main(["scan", str(tmp_path / name)])
        assert end.value.code == 2 and f"give {option}" in capsys.readouterr().err


def xml(center, text_as):
    text = f'<?xml version="1.0"?><SDR-XML-Root><Definition RadioCenterFreq="{center}" '
    return chunk(b"auxi", (text + 'SampleRate="192000"/></SDR-XML-Root>').encode(text_as))


WAVS = (  # name, chunks before the samples, center
    ("SDRSharp_20200101_120000Z_7100000Hz_IQ.wav", b"", 7.1e6),
    ("HDSDR_20200101_120000Z_7100kHz_RF.wav", auxi(7_100_500), 7_100_500.0),
    ("HDSDR_20200101_120000Z_7100kHz_RF.wav", b"", 7.1e6),
    ("HDSDR_20200101_120000Z_7100kHz_AF.wav", b"", None),
    ("SDRuno_20200101_120000Z_88110kHz.wav", auxi(88_110_000), 88.11e6),
    ("SDRuno_20200101_120000Z_88110kHz.wav", auxi(0), 88.11e6),
    ("HackRF_20200101_120000Z_433920kHz_IQ.wav", b"", 433.92e6),
    ("baseband_7100000Hz_12-00-00_01-01-2020.wav", b"", 7.1e6),
    ("01-Jan-2020 120000.000 7.100MHz.wav", xml(7_100_250, "utf-16"), 7_100_250.0),
    ("console.wav", xml(5_760_100_000, "utf-8"), 5.7601e9),
    ("console.wav", xml("", "utf-8"), None),
    ("gqrx_20200101_120000_433920000.wav", b"", None),  # audio: not where its samples are
)


@pytest.mark.parametrize(("name", "more", "center"), WAVS)
def test_wav_files(tmp_path, name, more, center):
    pairs = np.random.default_rng(0).uniform(-1, 1, 2000)
    body = chunk(b"data", stored(pairs, PCM, 16))
    (tmp_path / name).write_bytes(wav_file(form(PCM, 2, 192_000, 16), more, body))
    assert wav.open_wav(tmp_path / name).center_frequency_hz == center
    known = open_stream(str(tmp_path / name), 128).recording
    assert (known.sample_rate_hz, known.center_frequency_hz) == (192e3, center)
    found = data.read(tmp_path / name, 100, RawFacts(**LABELS))
    assert found.sample_rate_hz == 192e3 and len(found) == 10


def test_a_real_signal_has_no_center_from_its_name(tmp_path):
    path = tmp_path / WAVS[0][0]
    body = chunk(b"data", stored(np.linspace(-1, 1, 1000), PCM, 16))
    path.write_bytes(wav_file(form(PCM, 1, 192_000, 16), body))
    assert wav.open_wav(path).center_frequency_hz is None


@pytest.mark.parametrize("auxiliary", [b"", b"\0" * 33, b"\xff\xfe<\0", b"<" * 5000,
                                       struct.pack("<36x") + b"<"])  # fmt: skip
def test_damaged_headers_of_receivers_say_nothing(tmp_path, auxiliary):
    body = chunk(b"data", stored(np.linspace(-1, 1, 2000), PCM, 16))
    path = tmp_path / "a.wav"
    path.write_bytes(wav_file(form(PCM, 2, 192_000, 16), chunk(b"auxi", auxiliary), body))
    assert wav.open_wav(path).center_frequency_hz is None


@pytest.mark.parametrize("rate", [0, -1, 1e13, float("inf"), float("nan")])
def test_rates_that_make_no_sense(tmp_path, rate):
    path = tmp_path / "a.cf32"
    path.write_bytes(bytes(8000))
    with pytest.raises(UserError, match="sample rate must be positive"):
        open_stream(str(path), 128, facts=Facts(sample_rate_hz=rate))
    with pytest.raises(UserError, match="sample rate must be positive"):
        data.read(path, 100, RawFacts(rate, **LABELS))


def test_an_archive_is_scanned(tmp_path, capsys):
    """From its name to the rows: noise has none."""
    import tarfile

    noise = np.random.default_rng(0).standard_normal(40_000).astype("<f4")
    noise.tofile(tmp_path / "r.sigmf-data")
    document = {
        "global": {"core:datatype": "cf32_le", "core:version": "1.2.0", "core:sample_rate": 1e6},
        "captures": [{"core:sample_start": 0, "core:frequency": 1e8}], "annotations": [],
    }  # fmt: skip
    (tmp_path / "r.sigmf-meta").write_text(json.dumps(document))
    with tarfile.open(tmp_path / "r.sigmf", "w") as file:
        for suffix in ("meta", "data"):
            file.add(tmp_path / f"r.sigmf-{suffix}", f"r/r.sigmf-{suffix}")
    with pytest.raises(SystemExit) as end:
        main(["scan", str(tmp_path / "r.sigmf"), "--json", str(tmp_path / "rows.json")])
    assert end.value.code == 0 and not capsys.readouterr().out
    found = json.loads((tmp_path / "rows.json").read_text())
    assert found["rows"] == [] and found["settings"]["center_frequency_hz"] == 1e8


def test_every_suffix_is_a_type_of_its_own():
    """A name of a known form needs no second table of suffixes."""
    for suffix in file_names._TYPES.split("|"):
        assert f".{suffix}" in raw.DATATYPES
