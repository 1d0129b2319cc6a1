"""One runtime on one process and on two, in bfloat16 and in float32."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from robust_amc.classifier import Decisions
from robust_amc.data.formats.registry import write
from robust_amc.errors import UserError
from robust_amc.evaluation.sharded import sharded
from robust_amc.models import build
from robust_amc.runtime import device as devices
from robust_amc.runtime import processes
from robust_amc.runtime.device import fast_math, has_bfloat16
from robust_amc.runtime.runtime import Runtime
from robust_amc.training import Standard, TrainSettings, train
from robust_amc.training.validate import accuracy

from . import two_processes
from .conftest import CLASSES, toy_dataset

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
PYTHON = Path(two_processes.__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PYTHON), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("two")
    command = [*TORCHRUN, two_processes.__file__, folder]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def test_two_processes_agree(two):
    first, second = two
    assert first["world"] == second["world"] == 2
    for key in ("weights", "exact_weights"):
        for name, weight in first[key].items():
            assert torch.equal(weight, second[key][name]), name
    assert first["epochs"] == second["epochs"]
    for key in ("budget", "decided"):
        assert torch.equal(first[key], second[key]), key


def test_two_processes_speak_with_one_voice(two):
    for each in two:
        assert each["told"] == "said by the first process"
        assert each["first"] == "of 0"
        assert each["sums"][:2] == [3, 1.0]
        assert each["sums"][2].tolist() == [2, 2]


def test_two_processes_train_as_one_does(two):
    _, history = two_processes.standard()
    for one, both in zip(history.epochs, two[0]["epochs"], strict=True):
        assert both["loss"] == pytest.approx(one["loss"], rel=0.15)
        assert both["accuracy"] == pytest.approx(one["accuracy"], abs=0.1)
    assert two[0]["epochs"][-1]["accuracy"] > 0.7


def test_without_random_numbers_two_processes_are_one(two):
    """Same batches, same gradients, same budgets, up to rounding."""
    trained, history, budget = two_processes.cat()
    start = two_processes.network(dropout=False).state_dict()
    for one, both in zip(history.epochs, two[0]["exact_epochs"], strict=True):
        assert both["loss"] == pytest.approx(one["loss"], rel=1e-3)
        for name in ("accuracy", "robust_accuracy"):
            assert both[name] == pytest.approx(one[name], abs=0.021)  # two frames
    assert (budget == two[0]["budget"]).float().mean() > 0.98
    assert budget.unique().numel() > 1
    for name, weight in trained.state_dict().items():
        moved = (weight - start[name]).norm()
        assert (two[0]["exact_weights"][name] - weight).norm() < 0.05 * moved, name


def test_two_processes_evaluate_as_one_does(two):
    """Each half of the frames, both with the rows of all of them."""
    trained = two_processes.network(dropout=True)
    trained.load_state_dict(two[0]["weights"])
    rows, decided, count = two_processes.evaluate(trained)
    assert [each["count"] for each in two] == [51, 50] and count == 101
    assert two[0]["rows"] == two[1]["rows"]
    for one, both in zip(rows, two[0]["rows"], strict=True):
        assert both["frames"] == one["frames"] == 101
        for name in ("accuracy", "robust_accuracy", "psr_db"):
            assert both[name] == pytest.approx(one[name], abs=0.02), name
    assert np.mean(two[0]["decided"].numpy() == decided) > 0.97
    assert rows[-1]["robust_accuracy"] < rows[0]["accuracy"] - 0.1


HTRD = "from robust_amc.cli import main; main()"
OPTIONS = (
    "--dataset", "toy.npz", "--architecture", "residual", "--epochs", "2", "--method", "cat",
    "--batch-size", "64", "--attack-steps", "1", "--robust-radius", "0", "--device", "cpu",
)  # fmt: skip


def start(folder, output, *more):
    command = [*TORCHRUN, "--no-python", sys.executable, "-c", HTRD, "train", output]
    return subprocess.Popen(
        [*command, *OPTIONS, *more],
        cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(path, process):
    deadline = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_run_of_two_processes_resumes(tmp_path):
    write(toy_dataset(480, 4), tmp_path / "toy.npz")
    straight = start(tmp_path, "straight.safetensors")
    told = straight.communicate(timeout=600)[1]
    assert straight.returncode == 0, told
    assert told.count("epoch 1:") == 1  # only the first process speaks

    broken = start(tmp_path, "broken.safetensors")
    wait_for(tmp_path / "broken.checkpoint", broken)
    workers = Path(f"/proc/{broken.pid}/task/{broken.pid}/children").read_text().split()
    os.kill(int(workers[-1]), signal.SIGKILL)
    broken.communicate(timeout=600)
    assert broken.returncode != 0
    assert not (tmp_path / "broken.safetensors").exists()

    resumed = start(tmp_path, "broken.safetensors", "--resume")
    told = resumed.communicate(timeout=600)[1]
    assert resumed.returncode == 0, told
    assert "epoch 0:" not in told and "epoch 1:" in told
    assert not (tmp_path / "broken.checkpoint").exists()
    one, other = (load_file(tmp_path / f"{name}.safetensors") for name in ("straight", "broken"))
    for name, weight in one.items():
        assert np.array_equal(weight, other[name]), name


def test_alone_everything_is_mine():
    runtime = Runtime("cpu")
    assert (runtime.rank, runtime.world, runtime.is_first) == (0, 1, True)
    assert list(range(5))[runtime.mine] == [0, 1, 2, 3, 4]
    assert runtime.sum(3) == 3
    with pytest.raises(UserError, match="first"):
        runtime.from_first(two_processes.refused)
    whole = sharded(4, lambda rows: Decisions(rows, rows[:, None], rows > 1))
    assert whole.label.tolist() == [0, 1, 2, 3]


def test_environment_of_another_launcher_is_not_ours(monkeypatch):
    for name, value in {"RANK": 1, "WORLD_SIZE": 8, "LOCAL_RANK": 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert (processes.rank(), processes.world(), processes.local_rank()) == (0, 1, 0)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert (processes.rank(), processes.world(), processes.local_rank()) == (1, 8, 1)
    assert not processes.is_first()


def torchrun_says(monkeypatch, world, here):
    for name, value in {"RANK": 0, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": here}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")


def test_processes_must_fit_the_devices(monkeypatch):
    torchrun_says(monkeypatch, world=3, here=2)
    with pytest.raises(UserError, match="as many processes on each machine"):
        Runtime("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="2 processes on this machine, but 1 GPU"):
        Runtime("auto")


def test_float32_where_there_is_no_bfloat16(monkeypatch, tmp_path):
    for flags, found in {
        "flags\t\t: fpu avx2 avx512f": False,
        "flags\t\t: fpu avx512f avx512_bf16": True,
        "flags\t\t: amx_tile amx_bf16": True,
        "Features\t: fp crc32": False,
        "Features\t: fp crc32 bf16": True,
        "model name\t: bf16": False,
    }.items():
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
        monkeypatch.setattr(devices, "Path", lambda path: tmp_path / "cpuinfo")
        devices._cpu_has_bfloat16.cache_clear()
        assert has_bfloat16("cpu") == (found and torch.backends.mkldnn.is_available())
        expected = torch.bfloat16 if has_bfloat16("cpu") else torch.float32
        runtime = Runtime("cpu", fast=True)
        assert runtime.precision == str(expected).removeprefix("torch.")
        for context in (fast_math("cpu"), runtime.fast_math()):
            with context:
                assert (
                    torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3)).dtype == expected
                )
    monkeypatch.undo()
    devices._cpu_has_bfloat16.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert not has_bfloat16("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert has_bfloat16("cuda")


@pytest.fixture
def bfloat16(monkeypatch):
    """bfloat16 even where it is slow."""
    monkeypatch.setattr("robust_amc.runtime.runtime.has_bfloat16", lambda device: True)
    return Runtime("cpu")


@pytest.fixture(scope="module")
def hard():
    """Frames in so much noise that the toy networks are no longer always right."""
    clean = toy_dataset(1600, 9)
    noise = np.random.default_rng(0).normal(0, 0.004, clean.iq.shape)
    return replace(clean, iq=(clean.iq + noise).astype(np.float32))


def test_bfloat16_is_as_accurate_as_float32(plain, bfloat16, hard):
    exact = Runtime("cpu", fast=False)
    assert (bfloat16.precision, exact.precision) == ("bfloat16", "float32")
    reference = accuracy(exact, plain.network, hard)
    assert 0.6 < reference < 0.98
    assert accuracy(bfloat16, plain.network, hard) == pytest.approx(reference, abs=0.01)


def test_training_in_bfloat16_is_as_good_as_in_float32(bfloat16):
    reached = []
    for runtime in (bfloat16, Runtime("cpu", fast=False)):
        torch.manual_seed(0)
        network, _ = train(
            build("residual", len(CLASSES), input_gain=100.0), Standard(), toy_dataset(640, 1),
            toy_dataset(200, 2), TrainSettings(epochs=4, batch_size=64), runtime=runtime,
        )  # fmt: skip
        reached.append(accuracy(Runtime("cpu", fast=False), network, toy_dataset(800, 9)))
    assert reached[0] == pytest.approx(reached[1], abs=0.02)
    assert min(reached) > 0.97


def test_training_step_does_not_round_the_frames(bfloat16):
    """A perturbation below bfloat16's resolution still reaches the network."""
    seen = []

    class Network(torch.nn.Linear):
        def forward(self, iq):
            seen.append(iq)
            return super().forward(iq)

    network = Network(4, 2)
    model, _ = bfloat16.setup(network, torch.optim.SGD(network.parameters(), lr=0.1))
    model(torch.full((1, 4), 1 + 2**-20))
    assert seen[0].dtype == torch.float32 and (seen[0] == 1 + 2**-20).all()
