"""The page of `htrd demo` in a headless Chromium; run by script/test-demo-page."""

import base64
import json
import os
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from chromium import Page, executable
from robust_amc import data, frames, power, pulse
from robust_amc.attacks import white_box
from robust_amc.attacks.objectives import objectives_for
from robust_amc.attacks.threat import Goal
from robust_amc.attacks.white_box import AttackSettings
from robust_amc.browser import content
from robust_amc.browser.server import PageServer
from robust_amc.classifier import Classifier

pytestmark = pytest.mark.skipif(not executable(), reason="needs Chromium (apt install chromium)")
RUNNING = "document.documentElement.dataset.state === 'running'"
WIDTHS = {"desk": (1280, 800, False), "phone": (390, 844, True)}
HEARD_HZ = 48000
CARRIER_HZ = 1800  # the page's default
IMPORTED = """
const { Receiver } = await import('/js/receiver.js');
const { DatasetSource } = await import('/js/dataset_source.js');
const array = (text, type) => new type(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const text = ({ buffer, byteOffset, byteLength }) => btoa(Array.from(
    new Uint8Array(buffer, byteOffset, byteLength), (byte) => String.fromCharCode(byte)).join(''));
"""


@pytest.fixture(scope="module")
def url():
    with PageServer(content.files()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url
        server.shutdown()


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """A sound file for the microphone: BPSK of 750 symbols a second around 1800 Hz."""
    rng = np.random.default_rng(3)
    a_symbol = HEARD_HZ // 750
    bits = np.zeros(4000 * a_symbol)
    bits[::a_symbol] = rng.choice([-1, 1], 4000)
    taps = pulse.root_raised_cosine(np.arange(-4 * a_symbol, 4 * a_symbol + 1) / a_symbol)
    baseband = np.convolve(bits, taps, "same")
    sound = baseband * np.cos(2 * np.pi * CARRIER_HZ / HEARD_HZ * np.arange(len(baseband)) + 0.4)
    path = tmp_path_factory.mktemp("sound") / "bpsk.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(HEARD_HZ)
        file.writeframes((sound / np.abs(sound).max() * 20000).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def page(url, heard):
    switches = (
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={heard}", "--autoplay-policy=no-user-gesture-required",
    )  # fmt: skip
    with Page(url, *switches, patience=600) as page:
        page.resize(1280, 800)
        page.until(RUNNING)
        yield page


@pytest.fixture(scope="module")
def sample():
    return data.read("sample")


def in_page(page, body):
    """What an async function of the page returns, with its modules at hand."""
    return page.evaluate(f"(async () => {{ {IMPORTED} {body} }})()")


def decoded(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def encoded(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def paused(page, is_paused=True):
    if (page.evaluate("document.getElementById('pause').textContent") == "Pause") == is_paused:
        page.evaluate("document.getElementById('pause').click()")


@pytest.fixture(scope="module")
def some(sample):
    """Forty frames at 10 dB, eleven classes."""
    rows = np.flatnonzero(sample.snr_db == 10)
    return sample.subset(rows[:: len(rows) // 40][:40])


@pytest.mark.parametrize("name", content.RECEIVERS)
def test_decides_as_the_library_does(page, sample, name):
    """On all frames of the sample, from the file that the page itself reads."""
    paused(page)
    found = in_page(page, f"""
        const receiver = await new Receiver('{name}').load();
        const blob = await (await fetch('/sample.npz')).blob();
        const source = await DatasetSource.read(blob, receiver.model.classes);
        const {{ iq, label }} = source.all();
        const decided = await receiver.decide(iq, label.length);
        return {{ label: text(decided.label), scores: text(decided.scores), truth: text(label) }};
    """)  # fmt: skip
    expected = Classifier.load(name).decide(sample.iq)
    label = decoded(found["label"], np.int32)
    np.testing.assert_array_equal(decoded(found["truth"], np.int32), sample.label)
    agreement = np.mean(label == expected.label)
    scores = decoded(found["scores"], np.float32).reshape(expected.score.shape)
    difference = np.abs(scores - expected.score).max() / np.abs(expected.score).max()
    print(f"{name}: {agreement:.3%} of {len(label)} decisions agree, scores to {difference:.1e}")
    assert len(label) == len(sample)
    assert agreement >= 0.999
    assert difference < 3e-3
    assert np.mean(label == -1) == pytest.approx(np.mean(expected.rejected), abs=0.001)


@pytest.mark.parametrize("mix", [(1, 0), (0, 1)])
@pytest.mark.parametrize("name", content.RECEIVERS)
def test_gradient_is_that_of_torch(page, some, name, mix):
    iq = some.iq.astype(np.float32)
    found = in_page(page, f"""
        const receiver = await new Receiver('{name}').load();
        const target = array('{encoded(some.label.astype(np.int32))}', Int32Array);
        const iq = array('{encoded(iq)}', Float32Array);
        return text((await receiver.gradient(iq, target, {list(mix)})).gradient);
    """)  # fmt: skip
    classifier = Classifier.load(name)
    point = torch.tensor(iq, requires_grad=True)
    objective = objectives_for(classifier, Goal.EVASION)[0 if mix[0] else -1]
    value = objective(classifier, classifier.outputs(point), torch.tensor(some.label).long())
    (expected,) = torch.autograd.grad(value.sum(), point)
    gradient = torch.from_numpy(decoded(found, np.float32).copy()).view_as(expected)
    cosine = torch.cosine_similarity(gradient.flatten(1), expected.flatten(1))
    ratio = frames.flat_norm(gradient) / frames.flat_norm(expected)
    assert cosine.min() > 0.999 and (ratio - 1).abs().max() < 0.01


@pytest.mark.parametrize("pnr_db", [-20, -10, 0])
@pytest.mark.parametrize("name", content.RECEIVERS)
def test_attack_is_the_one_of_the_library(page, some, name, pnr_db):
    """In its ball, judged by the library, and as strong as the same descents there."""
    iq = some.iq.astype(np.float32)
    radius = power.epsilon(frames.energy(iq), 10, pnr_db).astype(np.float32)
    found = in_page(page, f"""
        const receiver = await new Receiver('{name}').load();
        const label = array('{encoded(some.label.astype(np.int32))}', Int32Array);
        const iq = array('{encoded(iq)}', Float32Array);
        const radius = array('{encoded(radius)}', Float32Array);
        const {{ received }} = await receiver.receive({{
            iq, label, radius, attack: 'white-box', steps: 10 }});
        return {{ iq: text(received.iq), label: text(received.label) }};
    """)  # fmt: skip
    classifier = Classifier.load(name)
    attacked = decoded(found["iq"], np.float32).reshape(iq.shape)
    norms = np.sqrt(frames.energy((attacked - iq).astype(np.float64)))
    assert (norms <= radius * (1 + 1e-5)).all() and norms.max() > 0.5 * radius.min()
    decided = classifier.decide(attacked).label
    assert np.mean(decided == decoded(found["label"], np.int32)) >= 0.95
    first, *_, last = objectives_for(classifier, Goal.EVASION)
    settings = AttackSettings(steps=10, restarts=0, objectives=[first], chained=False, fast=False)
    alone = white_box(classifier, iq, some.label, radius, settings=settings)
    won = np.mean((decided >= 0) & (decided != some.label))
    print(f"{name} at {pnr_db} dB: won {won:.3f}, by its first descent {alone.success.mean():.3f}")
    assert won >= alone.success.mean() - 0.05


def test_scales_samples_of_a_radio(page, some):
    """By the rule of the library: what is scaled stays as it is."""
    gain = np.geomspace(1e-3, 1e3, len(some), dtype=np.float32)
    gain[::4] = 1
    iq = some.iq.astype(np.float32) * gain[:, None, None]
    found = in_page(page, f"""
        const {{ scaleWhereNeeded }} = await import('/js/frames.js');
        const iq = array('{encoded(iq)}', Float32Array);
        for (let at = 0; at < iq.length; at += 256)
            scaleWhereNeeded(iq.subarray(at, at + 256), 'sum_abs');
        return text(iq);
    """)  # fmt: skip
    expected = frames.scale_where_needed(iq, "sum_abs")
    got = decoded(found, np.float32).reshape(iq.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-9)


def test_levels(page):
    """PNR, PSR and SNR stand together: -10 dB against noise that is 1/11 of what is received."""
    said = page.evaluate("document.getElementById('levels').textContent").replace("−", "-")
    assert said.split() == [
        *("PNR", "-10.0", "dB"),
        *("PSR", "-20.4", "dB"),
        *("SNR", "10", "dB", "(label)"),
    ]
    expected = float(power.psr_db(power.epsilon(1.0, 10, -10) ** 2, 1.0))
    assert expected == pytest.approx(-20.4, abs=0.05)


def shown(page, receiver):
    """What a card says: the class decided, the totals."""
    return json.loads(page.evaluate(f"""JSON.stringify(Object.fromEntries(
        [...document.querySelectorAll('.receiver')[{receiver}].querySelectorAll('[data-part]')]
        .map((each) => [each.dataset.part, each.textContent])))"""))  # fmt: skip


def counted(page, frames):
    """Wait until so many frames were counted since the last change."""
    total = "document.querySelectorAll('.receiver [data-part=total]')[1].textContent"
    page.until(f"Number(({total}.match(/of (\\d+)/) ?? [])[1]) >= {frames}")


def test_runs_and_the_defense_holds_more(page):
    paused(page, False)
    page.evaluate("document.querySelector('[value=white-box]').click()")
    counted(page, 60)
    held = [float(shown(page, each)["total"].split(" %")[0]) for each in (0, 1)]
    assert held[1] > held[0] + 10  # on 1000 frames: 29 and 76 %


def test_no_attack(page):
    page.evaluate("document.querySelector('[value=none]').click()")
    counted(page, 40)
    held = [float(shown(page, each)["total"].split(" %")[0]) for each in (0, 1)]
    assert min(held) > 55
    assert "PNR none" in page.evaluate("document.getElementById('levels').textContent")
    page.evaluate("document.querySelector('[value=white-box]').click()")


def test_sweep_moves_the_slider(page):
    page.evaluate("document.getElementById('sweep').click()")
    page.until("document.getElementById('pnr').value === '-6'")
    page.evaluate("document.getElementById('sweep').click()")


def recording(folder, some):
    """BPSK frames of the sample at another level as one recording, in all forms that are read."""
    samples = frames.to_complex(some.iq.astype(np.float32)).reshape(-1)
    samples = samples / np.abs(samples).max() * 0.9
    pairs = samples.view(np.float32)
    pairs.tofile(folder / "a.cf32")
    (pairs * 32767).round().astype("<i2").tofile(folder / "a.cs16")
    (pairs * 127 + 127.5).round().astype(np.uint8).tofile(folder / "a.cu8")
    pairs.tofile(folder / "a.sigmf-data")
    facts = {
        "global": {"core:datatype": "cf32_le", "core:version": "1.0.0"},
        "captures": [{"core:sample_start": 0}],
        "annotations": [
            {"core:sample_start": 0, "core:sample_count": len(samples), "core:label": "BPSK",
             "capture_details:SNRdB": 12.0}
        ],
    }  # fmt: skip
    (folder / "a.sigmf-meta").write_text(json.dumps(facts))
    return {"cf32": ["a.cf32"], "cs16": ["a.cs16"], "cu8": ["a.cu8"],
            "sigmf": ["a.sigmf-meta", "a.sigmf-data"]}  # fmt: skip


@pytest.mark.parametrize("form", ["cf32", "cs16", "cu8", "sigmf"])
def test_file_of_samples(page, sample, tmp_path, form):
    rows = (sample.snr_db == 14) & (sample.label == sample.index_of("BPSK"))
    names = recording(tmp_path, sample.subset(rows))[form]
    paused(page, False)
    page.evaluate("document.querySelector('[value=file]').click()")
    page.evaluate("document.querySelector('[value=none]').click()")
    page.choose_files("#files", [tmp_path / name for name in names])
    counted(page, 6)
    card = shown(page, 1)
    assert card["class"] in ("BPSK", "rejected")
    sent = page.evaluate("document.getElementById('sent').textContent")
    assert sent == ("BPSK" if form == "sigmf" else "not known")
    said = page.evaluate("document.getElementById('levels').textContent")
    assert ("SNR 12 dB (label)" if form == "sigmf" else "SNR 10 dB (assumed)") in said
    page.evaluate("document.querySelector('[value=white-box]').click()")
    counted(page, 6)


@pytest.mark.parametrize(
    ("name", "content_", "said"),
    [("a.bin", b"0" * 4096, "has to say"), ("a.cf32", b"0" * 100, "has not 128 samples"),
     ("a.npz", b"no zip", "no .npz"), ("a.sigmf-meta", b"{}", "both files")],
)  # fmt: skip
def test_file_that_is_none(page, tmp_path, name, content_, said):
    (tmp_path / name).write_bytes(content_)
    page.evaluate("document.querySelector('[value=file]').click()")
    page.choose_files("#files", [tmp_path / name])
    status = "document.getElementById('status')"
    page.until(f"{status}.className === 'problem' && {status}.textContent.includes({said!r})")
    assert name in page.evaluate(f"{status}.textContent")


def test_microphone(page):
    """BPSK that is heard around a carrier is decided as BPSK."""
    page.evaluate("document.querySelector('[value=none]').click()")
    page.evaluate("document.querySelector('[value=microphone]').click()")
    page.evaluate("document.getElementById('listen').click()")
    counted(page, 30)
    seen = set()
    for _ in range(8):
        seen.add(shown(page, 0)["class"])
        before = shown(page, 0)["total"]
        page.until(
            "document.querySelector('.receiver [data-part=total]').textContent !== "
            f"{json.dumps(before)}"
        )
    print("heard as", seen)
    assert "BPSK" in seen
    page.evaluate("document.querySelector('[value=white-box]').click()")
    counted(page, 6)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_fits_the_window(page, width, scheme):
    page.evaluate("document.querySelector('[value=sample]').click()")
    page.evaluate("document.querySelector('[value=white-box]').click()")
    page.color_scheme(scheme)
    page.resize(*WIDTHS[width])
    counted(page, 8)
    wide, high = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert wide <= WIDTHS[width][0]
    assert width == "phone" or high <= WIDTHS[width][1]
    picture(page, f"{width}-{scheme}", whole=width == "phone")


def picture(page, name, whole=False):
    """Keep a picture of the page where some are wanted."""
    if os.environ.get("PICTURES"):
        folder = Path(os.environ["PICTURES"])
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(folder / f"{name}.png", whole)


@pytest.mark.skipif(not os.environ.get("PICTURES"), reason="takes minutes, for a picture")
def test_picture_of_a_sweep(page):
    """Of docs/images/browser-demo.png: both curves, from -30 to 10 dB."""
    page.resize(*WIDTHS["desk"])
    page.color_scheme("light")
    page.evaluate("document.getElementById('steps').value = '5'")
    page.evaluate("document.getElementById('pnr').value = '-30'")
    page.evaluate("document.querySelector('#steps').dispatchEvent(new Event('change'))")
    page.evaluate("document.getElementById('sweep').click()")
    page.until("document.getElementById('pnr').value === '10'")
    page.until("document.getElementById('pnr').value === '-30'")
    page.evaluate("document.getElementById('sweep').click()")
    page.evaluate("document.getElementById('pnr').value = '-10'")
    page.evaluate("document.getElementById('pnr').dispatchEvent(new Event('input'))")
    counted(page, 50)
    picture(page, "sweep")


def test_threads(url, some):
    """Where there are more processors the same is decided by several threads."""
    body = f"""
        const {{ threads }} = await import('/js/receiver.js');
        const receiver = await new Receiver('undefended').load();
        const iq = array('{encoded(some.iq.astype(np.float32))}', Float32Array);
        const {{ label }} = await receiver.decide(iq, {len(some)});
        return [threads(), text(label)];
    """
    with Page(f"{url}icon.svg", patience=600, processors=4) as page:
        page.until("location.pathname === '/icon.svg' && document.readyState === 'complete'")
        threads, label = in_page(page, body)
    assert threads == 2
    expected = Classifier.load("undefended").decide(some.iq).label
    assert np.mean(decoded(label, np.int32) == expected) >= 0.97


def test_nothing_went_wrong(page):
    assert page.problems == []
