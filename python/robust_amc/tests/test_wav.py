"""WAV files of receivers: what comes out is what a slow and obvious reading of them gives."""

import struct

import numpy as np
import pytest

from robust_amc import data
from robust_amc.data.formats import bands, wav
from robust_amc.data.formats.base import RawFacts
from robust_amc.errors import UserError
from robust_amc.tests.files import ROOT
from robust_amc.tests.wav_files import EXTENSIBLE, FLOAT, PCM, auxi, chunk, form, stored
from robust_amc.tests.wav_files import wav as wav_file

FACTS = RawFacts(modulation="QPSK", snr_db=10)
RATE = 192_000
SHARED = ROOT.parent / "shared" / "data" / "recordings"


def pairs(count=1000, seed=0):
    """I and Q in -1 … 1, ``[count, 2]``."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 2))


def save(path, *chunks, kind=b"RIFF"):
    path.write_bytes(wav_file(*chunks, kind=kind))
    return path


def samples_of(dataset):
    return dataset.in_memory().iq.swapaxes(1, 2).reshape(-1, 2)


KINDS = [(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)]


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("code", "bits"), KINDS)
def test_i_and_q_of_every_kind(tmp_path, code, bits, extensible):
    values = pairs()
    body = chunk(b"data", stored(values.ravel(), code, bits))
    path = save(tmp_path / "SDRSharp.WAV", form(code, 2, RATE, bits, extensible), body)
    found = data.read(path, 100, FACTS)
    assert found.is_lazy and len(found) == 10 and found.received
    step = 2.0 ** (1 - bits) if code == PCM else 1e-6
    np.testing.assert_allclose(samples_of(found), values, atol=1.6 * step + 1e-6)
    assert found.metadata["sample_rate_hz"] == RATE and found.metadata["format"] == "WAV"
    assert found.classes == ("QPSK",) and set(found.snr_db) == {10} and set(found.run_id) == {0}


def test_negative_numbers_of_24_bits(tmp_path):
    whole = [0, 1, -1, 2**23 - 1, -(2**23), 256, -256, 65536]
    body = b"".join(each.to_bytes(3, "little", signed=True) for each in whole)
    path = save(tmp_path / "a.wav", form(PCM, 2, RATE, 24), chunk(b"data", body))
    np.testing.assert_array_equal(
        samples_of(data.read(path, 4, FACTS)).ravel(), np.array(whole) / 2**23
    )


def test_samples_in_many_chunks_of_odd_neighbors(tmp_path):
    """KiwiSDR puts a chunk of its own before each of the samples."""
    values = (pairs(1030) * 1000).astype("<i2")
    kiwi = [
        part
        for at in range(0, 1030, 103)
        for part in (chunk(b"kiwi", bytes(11)), chunk(b"data", values[at : at + 103].tobytes()))
    ]
    path = save(tmp_path / "kiwi.wav", form(PCM, 2, 12_000, 16), *kiwi)
    found = data.read(path, 103, FACTS)
    np.testing.assert_array_equal(samples_of(found), values / np.float32(2**15))
    across = data.read(path, 100, FACTS)
    np.testing.assert_array_equal(across.iq[[9, 1]], [
        (values[at : at + 100] / np.float32(2**15)).T for at in (900, 100)
    ])  # fmt: skip


def test_more_than_32_bits_can_say(tmp_path):
    values = (pairs() * 1000).astype("<i2")
    long = struct.pack("<QQQI", 0, values.nbytes, 1000, 0)
    path = save(
        tmp_path / "rf64.wav", chunk(b"ds64", long), form(PCM, 2, RATE, 16),
        chunk(b"data", values.tobytes(), 0xFFFFFFFF), chunk(b"LIST", bytes(300)), kind=b"RF64",
    )  # fmt: skip
    assert len(wav.open_wav(path).samples) == 1000


@pytest.mark.parametrize("said", [0, 0xFFFFFFFF, 10**9])
def test_a_recording_that_was_stopped_goes_to_its_end(tmp_path, said):
    values = (pairs() * 1000).astype("<i2")
    path = save(
        tmp_path / "a.wav", form(PCM, 2, RATE, 16), chunk(b"data", values.tobytes() + b"\1", said)
    )
    np.testing.assert_array_equal(
        samples_of(data.read(path, 1000, FACTS)), values / np.float32(2**15)
    )


def test_the_rate_is_that_of_the_header_unless_it_is_given(tmp_path):
    body = chunk(b"data", stored(pairs().ravel(), PCM, 16))
    path = save(tmp_path / "a.wav", form(PCM, 2, RATE, 16), auxi(7_100_000), body)
    assert wav.open_wav(path).center_frequency_hz == 7.1e6
    given = RawFacts(48_000.0, "QPSK", 10)
    assert data.read(path, raw_facts=given).sample_rate_hz == 48_000
    silent = save(tmp_path / "b.wav", form(PCM, 2, 0, 16), body)
    with pytest.raises(UserError, match="give --sample-rate:"):
        data.read(silent, raw_facts=FACTS)
    with pytest.raises(UserError, match="give --modulation, --label-snr:"):
        data.read(path)


@pytest.mark.parametrize("frequency", [0.05, 0.25, 0.4])
def test_a_real_signal_becomes_its_upper_sideband(tmp_path, frequency):
    time = np.arange(4000)
    wave = 0.5 * np.cos(2 * np.pi * frequency * time + 1)
    path = save(
        tmp_path / "a.wav", form(FLOAT, 1, 48_000, 32), chunk(b"data", stored(wave, FLOAT, 32))
    )
    found = samples_of(data.read(path, 1000, FACTS))
    expected = 0.5 * np.exp(1j * (2 * np.pi * frequency * time + 1))
    middle = slice(200, 3800)
    found = found[:, 0] + 1j * found[:, 1]
    np.testing.assert_allclose(found[middle], expected[middle], atol=0.005)
    np.testing.assert_allclose(found.real, wave, atol=1e-6)
    parts = data.read(path, 128, FACTS)  # frames do not end where their neighbors begin
    np.testing.assert_allclose(parts.iq[[7]][0, 1], found.imag[896:1024], atol=1e-6)


def test_filters_give_the_samples_that_all_taps_reach():
    rng = np.random.default_rng(0)
    for count in (254, 255, 300, 5000):
        wide = rng.standard_normal(count) + 1j * rng.standard_normal(count)
        taps = rng.standard_normal(2 * 127 + 1)
        expected = np.convolve(wide, taps, "valid") if count > 254 else []
        np.testing.assert_allclose(bands._filtered(wide, taps), expected, atol=1e-10)


def test_audio_in_two_channels_is_refused(tmp_path):
    values = np.repeat(pairs()[:, :1], 2, axis=1)
    body = chunk(b"data", stored(values.ravel(), PCM, 16))
    path = save(tmp_path / "gqrx.wav", form(PCM, 2, 48_000, 16), body)
    with pytest.raises(UserError, match="the same in both channels"):
        data.read(path, raw_facts=FACTS)


BODY = chunk(b"data", bytes(4096))
BAD = {
    "nothing": (b"", "no chunk with its format"),
    "no format": (BODY, "no chunk with its format"),
    "no samples": (form(PCM, 2, RATE, 16), "no chunk with samples"),
    "a short format": (chunk(b"fmt ", b"\1\0") + BODY, "a header is too short"),
    "a short extension": (
        chunk(b"fmt ", struct.pack("<HHIIHH", EXTENSIBLE, 2, RATE, 0, 4, 16)) + BODY,
        "a header is too short",
    ),
    "a short ds64": (chunk(b"ds64", b"") + b"data", "too short"),
    "three channels": (form(PCM, 3, RATE, 16) + BODY, "has 3 channels of 16 bits"),
    "no channel": (form(PCM, 0, RATE, 16) + BODY, "has 0 channels"),
    "12 bits": (form(PCM, 2, RATE, 12) + BODY, "of 12 bits in the WAV format 1"),
    "MP3": (form(0x55, 2, RATE, 16) + BODY, "in the WAV format 85"),
    "half float": (form(FLOAT, 2, RATE, 16) + BODY, "in the WAV format 3"),
    "few samples": (form(PCM, 2, RATE, 16) + chunk(b"data", bytes(99)), "24 samples, too few"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_damaged_files_are_one_line(tmp_path, content, message):
    path = save(tmp_path / "bad.wav", content)
    with pytest.raises(UserError) as error:
        data.read(path, raw_facts=FACTS)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_cut_anywhere(tmp_path):
    body = chunk(b"data", stored(pairs(300).ravel(), PCM, 24))
    whole = wav_file(form(PCM, 2, RATE, 24, True), auxi(1), body)
    path = tmp_path / "a.wav"
    for size in [*range(12, 320, 7), *range(320, len(whole), 211)]:
        path.write_bytes(whole[:size])
        try:
            data.read(path, raw_facts=FACTS).in_memory()
        except UserError as error:
            assert "\n" not in str(error)


@pytest.mark.skipif(not SHARED.exists(), reason="no recordings beside the repository")
def test_recordings_of_satellites():
    """Their signal is where its carrier is known to be, above 0 alone."""
    path = SHARED / "sat_shaonian_xing.wav"
    found = data.read(path, 4096, RawFacts(modulation="BPSK", snr_db=10))
    assert found.sample_rate_hz == 48_000
    iq = found.in_memory().iq.astype(np.float64)
    power = (np.abs(np.fft.fft(iq[:, 0] + 1j * iq[:, 1])) ** 2).sum(0)
    frequency = np.fft.fftfreq(4096, 1 / 48_000)
    above, below = power[frequency > 500].sum(), power[frequency < -500].sum()
    assert above > 1000 * below
    assert (power * frequency).sum() / power.sum() == pytest.approx(12_000, abs=2000)
