"""Both sides of a bench do the same work, and its rows say what was measured."""

import json
import os

import numpy as np
import pytest
import torch
from torch import nn

from robust_amc import benchmarks, data
from robust_amc.benchmarks import attack, gemm, inference, peers, plain, sides, svm, training
from robust_amc.benchmarks.flop import count_flop
from robust_amc.benchmarks.report import precisions
from robust_amc.benchmarks.sides import Rate, Side, measure
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.data.formats.registry import write
from robust_amc.errors import UserError
from robust_amc.inference import Precision
from robust_amc.models import build
from robust_amc.runtime.runtime import Runtime
from robust_amc.training import CATSettings, CustomizedAdversarial, Standard, TrainSettings, train

from .conftest import toy_dataset, toy_frames
from .rounding import on_edge
from .test_cli import refused, run

ROW = ["name", "value", "unit", "baseline", "baseline_value", "ratio"]


@pytest.fixture(scope="module")
def sample():
    """Frames of the shipped data set, some of which the shipped network gets wrong."""
    return data.read("sample").limit(24, 0)


@pytest.fixture
def model():
    return Classifier.load("undefended")


def tensors(dataset):
    label = torch.as_tensor(dataset.label, dtype=torch.long)
    return torch.as_tensor(dataset.iq.astype(np.float32)), label


def apart(one, other, start):
    """How far two results are from each other, relative to their way from the start."""
    return float((one - other).norm() / (other - start).norm())


def test_plain_network_is_ours():
    torch.manual_seed(0)
    network = build("vtcnn2", 11, input_gain=100.0).eval()
    own = plain.PlainVTCNN2.of(network)
    assert not own.training and own.dropout.p == 0.5
    assert sum(parameter.numel() for parameter in own.parameters()) == 2830427
    iq = torch.as_tensor(toy_frames(8, 0)[0])
    with torch.no_grad():
        torch.testing.assert_close(own(iq), network(iq), rtol=1e-3, atol=1e-4)
        own.train()
        assert not torch.allclose(own(iq), network(iq), atol=1e-2)  # it has dropout


def test_one_update_is_the_same():
    """Without dropout, whose random numbers differ, the weights go to the same place."""
    torch.manual_seed(0)
    network = build("vtcnn2", 4, input_gain=100.0)
    network.rectify, network.dropout.p = nn.ReLU(), 0.0
    own = plain.PlainVTCNN2.of(network)
    own.dropout.p = 0.0
    start = {name: weight.clone() for name, weight in network.state_dict().items()}
    dataset, settings = toy_dataset(64, 1), TrainSettings(epochs=1, fast=False)
    train(network, Standard(), dataset, dataset, settings, runtime=Runtime("cpu", fast=False))
    plain.standard_epoch(own, *tensors(dataset), settings)
    for name, weight in own.state_dict().items():
        assert apart(network.state_dict()[name], weight, start[name]) < 0.02, name


def test_cat_batch_is_the_same(model, sample):
    """But for frames that are wrong as they are, which ours leaves alone."""
    iq, label = tensors(sample)
    right = model.label_of(model.scores(iq)) == label
    assert 4 < right.sum() < 20
    rows, cat = torch.arange(len(iq)), CATSettings(growth=0.05)
    budget = torch.linspace(0.02, cat.r_max, len(iq))
    recipe = CustomizedAdversarial(cat, len(iq))
    recipe.load_state_dict({"budget": budget.clone()})
    generator = torch.Generator().manual_seed(0)
    inputs, _ = recipe.batch(model.network, iq, label, rows, len(model.classes), generator)
    own = plain.PlainVTCNN2.of(model.network)
    relative = budget.clone()
    plain_inputs, target = plain.cat_batch(own, iq, label, rows, budget, cat)
    assert apart(plain_inputs[right], inputs[right], iq[right]) < 0.01
    sure = right & ~torch.from_numpy(on_edge(model.scores(inputs).detach().numpy()))
    assert sure.sum() > 4
    torch.testing.assert_close(budget[sure], recipe.budget[sure])
    assert not torch.equal(budget[right], relative[right])
    alpha = (relative / cat.r_max * cat.smoothing_max)[:, None]
    smooth = target - (1 - alpha) * nn.functional.one_hot(label, len(model.classes))
    torch.testing.assert_close(smooth.sum(1, keepdim=True), alpha, rtol=0, atol=1e-5)
    assert (smooth > -1e-6).all()


@pytest.mark.parametrize("network", [attack.PLAIN, attack.OURS])
@pytest.mark.parametrize("loop", ["plain loop", *peers.PEERS])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the toolboxes' own imports
def test_every_attack_goes_the_same_way(loop, network, sample):
    if loop in peers.PEERS:
        pytest.importorskip(loop, reason="not installed, see docs/benchmarks.md")
    few = sample.limit(6, 0)
    iq, _ = tensors(few)
    ours, amount = attack.ours(few, 3, fast=False)
    theirs, same = attack.baseline(few, 3, loop, network)
    assert amount == same == 18
    found = ours()
    moved = (found - iq).flatten(1).norm(dim=1) / iq.flatten(1).norm(dim=1)
    torch.testing.assert_close(moved, torch.full_like(moved, attack.RADIUS), rtol=1e-2, atol=0)
    assert apart(torch.as_tensor(theirs()), found, iq) < 0.01


def test_fast_attack_takes_every_step(sample, monkeypatch):
    """It is nearly the exact one, and none of the frames are dropped."""
    monkeypatch.setattr("robust_amc.runtime.device._cpu_has_bfloat16", lambda: True)
    exact, fast = (attack.ours(sample, 2, fast)[0] for fast in (False, True))
    assert apart(fast(), exact(), tensors(sample)[0]) < 0.2
    assert count_flop(fast) == count_flop(exact)
    assert count_flop(fast) >= 2 * count_flop(attack.ours(sample, 1, fast=True)[0]) * 0.8


def test_svm_scores_are_the_same(sample):
    estimator, features = svm.fitted(data.read("sample").limit(300, 1), sample)
    ours, amount = svm.ours(estimator, features, "float32")
    theirs, same = svm.baseline(estimator, features)
    assert amount == same == len(sample)
    expected = theirs()
    assert expected.std() > 0.1
    np.testing.assert_allclose(ours().numpy(), expected, rtol=1e-3, atol=1e-3)
    searched, _ = svm.ours(estimator, features, "bfloat16")
    assert np.abs(searched().numpy() - expected).mean() < 0.02 * expected.std()


def test_int8_that_decides_otherwise_is_left_out(model, monkeypatch):
    pairs = [("torch", Precision.FLOAT32), ("a", Precision.INT8), ("b", Precision.INT8)]
    told = []

    def opened(classifier, name, precision):
        assert (classifier, precision) == (model, Precision.INT8)
        if name == "a":
            raise UserError("90% of decisions agree")

    monkeypatch.setattr(inference, "open_engine", opened)
    assert inference.agreeing(model, pairs, told.append) == [pairs[0], pairs[2]]
    assert told == ["a int8 is left out: 90% of decisions agree"]


def test_engines_to_measure_are_those_of_a_model(model):
    pairs = inference.present(model)
    assert ("torch", Precision.FLOAT32) in pairs
    assert inference.present(model, [Precision.FLOAT32]) == [
        pair for pair in pairs if pair[1] is Precision.FLOAT32
    ]


def test_flop_are_those_of_the_shapes(model):
    own = plain.PlainVTCNN2.of(model.network).requires_grad_(False)
    iq = torch.randn(3, 2, 128, requires_grad=True)
    forward = 2 * (256 * 2 * 130 * 3 + 80 * 132 * 256 * 2 * 3 + 80 * 132 * 256 + 256 * 11)
    assert count_flop(lambda: own(iq)) == 3 * forward
    gradient = count_flop(lambda: torch.autograd.grad(own(iq).sum(), iq))
    assert gradient == pytest.approx(2 * 3 * forward, rel=0.02)
    assert forward == pytest.approx(38e6, rel=0.02)


def invented(everything):
    """A Rate for each Side, no two alike."""
    return {side.name: Rate(10.0 + 7 * n, 1e6 * (n + 1)) for n, side in enumerate(everything)}


@pytest.mark.parametrize("bfloat16", [True, False])
def test_rows(bfloat16, monkeypatch, sample):
    monkeypatch.setattr("robust_amc.benchmarks.report.has_bfloat16", lambda device: bfloat16)
    assert precisions()[0] == ("bfloat16" if bfloat16 else "float32")
    estimator, features = svm.fitted(data.read("sample").limit(100, 1), sample)
    for bench, everything in {
        training: training.sides(sample),
        attack: attack.sides(sample, 1),
        svm: svm.sides(estimator, features),
    }.items():
        rates = invented(everything)
        rows = bench.rows(rates)
        values = {rate.value for rate in rates.values()}
        speeds = values | {1e-9 * rate.value * rate.flop for rate in rates.values()}
        for row in rows:
            assert list(row) == ROW
            assert row["ratio"] == row["value"] / row["baseline_value"]
            assert row["baseline_value"] in values and row["value"] in speeds
            assert bfloat16 or "bfloat16" not in row["name"] + row["baseline"]
        names = [(row["name"], row["baseline"]) for row in rows]
        assert len(set(names)) == len(names)


def test_rows_compare_what_they_say(sample):
    rates = invented(training.sides(sample))
    first, *_ = training.rows(rates)
    assert first["value"] == rates[f"standard {precisions()[0]}"].value
    assert first["baseline_value"] == rates["standard plain"].value
    rates = invented(attack.sides(sample, 1))
    best = [row for row in attack.rows(rates) if row["baseline"].startswith("the best on ")]
    assert len(best) == 2 * len(precisions())
    for row in best:
        network, loop = row["baseline"].removeprefix("the best on ").split(": ")
        others = [rate.value for name, rate in rates.items() if name.endswith(f"on {network}")]
        assert row["baseline_value"] == rates[f"{loop} on {network}"].value == max(others)
        assert row["value"] == rates[row["name"].replace("PGD, ", "ours ")].value


def test_share_is_of_the_faster_product():
    """10 units a second of 2 GFLOP each, where the machine does 50."""
    rates = invented(gemm.sides())
    rates["gemm conv2 float32"] = Rate(50.0)
    rates["gemm square float32"] = Rate(40.0)
    row = gemm.share("work", Rate(10.0, 2e9), "float32", rates)
    assert (row["value"], row["baseline_value"]) == (pytest.approx(20), 50)
    assert row["baseline"] == "GEMM conv2, float32"
    work, gflop = gemm.product((3, 5, 7), "float32")
    assert count_flop(work) == pytest.approx(1e9 * gflop) and gflop == pytest.approx(210e-9)


def here(everything, seconds, rounds, log):
    """What measure() does, in this process: a second of each would tell nothing more."""
    works = {}
    flop = {side.name: sides._answer(side, works) for side in everything}
    return {name: Rate(sides._answer((name, 0), works), flop[name]) for name in works}


def test_training_and_attack_run(monkeypatch, sample):
    few = sample.limit(8, 0)
    monkeypatch.setattr(peers, "PEERS", {})  # test_every_attack_goes_the_same_way runs them
    for bench, more in ((benchmarks.training, {}), (benchmarks.attack, {"steps": 1})):
        monkeypatch.setattr(bench, "measure", here)
        document = bench.bench(few, **more, seconds=0, rounds=1, log=lambda what: None)
        assert all(row["value"] > 0 and row["ratio"] > 0 for row in document["rows"])
        settings = document["settings"]
        assert settings["threads"] == torch.get_num_threads() and settings["frames"] == 8
        assert {"bench", "compared", "cpu", "torch_version", "date", "seconds"} <= set(settings)


@pytest.mark.slow
def test_command(tmp_path, capsys):
    """The whole way, with processes."""
    path = tmp_path / "bench.json"
    run(
        "bench", "svm", "--train-frames", 200, "--frames", 20, "--seconds", 0, "--rounds", 1,
        "--json", path,
    )  # fmt: skip
    document = json.loads(path.read_text())
    first = f"SVM scores, {precisions()[0]}"
    names = [row["name"] for row in document["rows"]]
    assert names[:2] == [first, f"{first}: share of GEMM"]
    assert document["settings"]["train_frames"] == 200
    vectors = document["settings"]["support_vectors"]
    assert 100 < vectors <= 200 and document["settings"]["support_vectors_of_all_classes"] > vectors
    said = capsys.readouterr().out
    assert f"{vectors} support vectors" in said
    assert f"{torch.get_num_threads()} threads" in said


def test_mistakes(tmp_path, capsys):
    toy = tmp_path / "toy.npz"
    write(toy_dataset(40), toy)
    for bench in ("training", "attack", "svm"):
        said = refused(capsys, "bench", bench, "--dataset", toy, "--frames", 8)
        assert "undefended is made for the classes" in said
        said = refused(capsys, "bench", bench, "--json", tmp_path / "none" / "x.json")
        assert "does not exist" in said
    said = refused(capsys, "bench", "svm", "--dataset", toy, "--frames", 38)
    assert "cannot be fitted on the 2 frames" in said
    with pytest.raises(SystemExit) as caught:
        main(["bench", "svm", "--seconds", "-1"])
    assert caught.value.code == 2


def noted(folder, name, amount):
    """A side that writes down when it is called, and where."""

    def work():
        with open(folder / "calls", "a") as file:
            file.write(f"{name} {os.getpid()}\n")

    return work, amount


def mistaken():
    raise UserError("the frames are missing")


def faulty():
    return {}["nothing"], 1


def dying():
    return lambda: os._exit(1), 1


def test_sides_take_turns_each_in_its_process(tmp_path):
    told = []
    everything = [
        Side(name, process, noted, {"folder": tmp_path, "name": name, "amount": amount})
        for name, process, amount in (("a", "one", 1), ("b", "other", 10), ("c", "one", 1))
    ]
    rates = measure(everything, seconds=0, rounds=2, log=told.append)
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    assert [name for name, _ in calls] == ["a", "b", "c"] * 3  # to warm up, and two rounds
    process = dict(calls)
    assert process["a"] == process["c"] != process["b"]
    assert str(os.getpid()) not in process.values()
    assert list(rates) == ["a", "b", "c"] and all(rate.value > 0 for rate in rates.values())
    assert told == ["preparing", "round 1 of 2", "round 2 of 2"]


@pytest.mark.parametrize(
    "make, error, message",
    [
        (mistaken, UserError, "the frames are missing"),
        (faulty, RuntimeError, "KeyError: 'nothing'"),
        (dying, UserError, "the process that measures it was ended"),
    ],
)
def test_what_goes_wrong_in_a_process_is_told(make, error, message):
    with pytest.raises(error, match=message):
        measure([Side("x", "it", make)], seconds=0, rounds=1, log=lambda what: None)
