"""Outputs: where they go, that they are whole, and what is said and when."""

import io
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from robust_amc import assets
from robust_amc.cli import compare as compare_command
from robust_amc.cli import console, main
from robust_amc.cli import export as export_command
from robust_amc.cli.options import check_writable, refuse_overwriting
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.files import replacing, reserved, write_json

from .conftest import toy_dataset

LIBRARY = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(LIBRARY)}
PROGRAM = "from robust_amc.cli import main; main()"  # `models` needs no PyTorch: it starts quickly
COMPARE = ("dataset", "compare", "toy.npz", "toy.npz", "--frames-per-key", 5)
EVALUATE = (
    "evaluate", "--dataset", "sample", "--model", "undefended", "--frames", 20, "--snr", 10,
    "--device", "cpu",
)  # fmt: skip
LONGEST = 255  # bytes of a name


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with a small data set."""
    monkeypatch.chdir(tmp_path)
    npz.write(toy_dataset(80, 5), "toy.npz")
    return tmp_path


def run(*arguments):
    """The exit status of a command."""
    with pytest.raises(SystemExit) as caught:
        main([str(each) for each in arguments])
    return caught.value.code


def refused(capsys, *arguments):
    """The one line of a command that is refused."""
    capsys.readouterr()
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    (line,) = [each for each in said.splitlines() if each.startswith("error: ")]
    return line


def start(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-c", *map(str, arguments)],
        env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, **more,
    )  # fmt: skip


def left(folder):
    """Names in a folder, without the data set."""
    return sorted(each.name for each in folder.iterdir() if each.name != "toy.npz")


# Where outputs go


def test_a_pipe_is_written_through(folder):
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert run("dataset", "info", "toy.npz", "--json", "pipe") == 0
    assert json.loads(os.read(reader, 1 << 16))["frames"] == 80
    os.close(reader)
    assert stat.S_ISFIFO(os.stat("pipe").st_mode) and left(folder) == ["pipe"]


def test_a_device_is_written_through(folder):
    """The device of a pseudo-terminal, also by way of a link."""
    ours, theirs = os.openpty()
    device = Path(os.ttyname(theirs))
    before = device.stat()
    Path("link").symlink_to(device)
    for path in (device, "link"):
        write_json(path, {"found": 1})
        text = b""
        while not text.endswith(b"}\r\n"):
            text += os.read(ours, 100)
        assert json.loads(text) == {"found": 1}
    after = device.stat()
    assert stat.S_ISCHR(after.st_mode) and after.st_rdev == before.st_rdev
    assert Path("link").is_symlink()
    os.close(ours)
    os.close(theirs)


def test_a_full_device(folder):
    full = Path("full")
    try:
        os.mknod(full, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        full.open("wb").close()
    except OSError:
        pytest.skip("devices cannot be made here")
    with pytest.raises(UserError, match="cannot write full: No space left"):
        write_json(full, {})
    assert stat.S_ISCHR(full.stat().st_mode) and left(folder) == ["full"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_and_its_target_is_written(folder, is_there):
    Path("results").mkdir()
    target = Path("results/run.json")
    if is_there:
        target.write_text("old")
    Path("last.json").symlink_to(target)
    check_writable(Path("last.json"))
    console._until_end.close()
    write_json("last.json", {"new": 1})
    assert Path("last.json").is_symlink() and json.loads(target.read_text()) == {"new": 1}
    assert left(folder) == ["last.json", "results"] and left(Path("results")) == ["run.json"]


def test_standard_output_as_a_file(folder):
    """A file that standard output leads to is not replaced: both are in it, one after the other."""
    with open("said.txt", "w") as said:
        process = start(PROGRAM, "models", "htrd", "--json", "/dev/stdout", stdout=said)
        assert not process.communicate(timeout=300)[1] and process.returncode == 0
    text = Path("said.txt").read_text()
    first, end = json.JSONDecoder().raw_decode(text)
    second = json.loads(text[end:])
    assert (
        first["models"][0]["name"] == "htrd" and second["classes"] == first["models"][0]["classes"]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("dataset", "info", "toy.npz", "--json", "toy.npz"),
        ("dataset", "info", "toy.npz", "--json", "link.npz"),
        ("dataset", "compare", "sample", "toy.npz", "--json", "toy.npz"),
        ("models", "m.safetensors", "--json", "m.safetensors"),
        ("evaluate", "--dataset", "toy.npz", "--model", "htrd,m.safetensors", "--json",
         "m.safetensors"),
        ("evaluate", "--dataset", "toy.npz", "--model", "htrd", "--json", "toy.npz"),
        ("export", "m.safetensors", "m.onnx", "--json", "m.safetensors"),
        ("sweep", "--system", "htrd", "--dataset", "toy.npz", "--json", "toy.npz"),
        ("bench", "svm", "--dataset", "toy.npz", "--json", "toy.npz"),
        ("figure", "confusion", "a.png", "--output", "a.png"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_input_is_no_output(folder, capsys, arguments):
    shutil.copy(assets.model_path("undefended"), "m.safetensors")
    Path("link.npz").symlink_to("toy.npz")
    Path("a.png").write_text("results")
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert "is read too" in refused(capsys, *arguments)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "file"), [("sample", "sample.npz"), ("htrd", "models/htrd.safetensors")]
)
def test_what_ships_is_an_input_too(name, file):
    with pytest.raises(UserError, match="is read too"):
        check_writable(assets.path(file), inputs=[None, name])


def test_the_samples_of_a_recording_are_an_input_too(folder):
    for kind in ("meta", "data"):
        Path(f"r.sigmf-{kind}").touch()
    with pytest.raises(UserError, match="is read too"):
        check_writable(Path("r.sigmf-data"), inputs=["r.sigmf-meta"])


# Told before the work


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def locked_folder(path):
    if not os.geteuid():
        pytest.skip("nothing is locked for root")
    path.parent.mkdir(mode=0o500)


@pytest.mark.parametrize(
    ("output", "reason", "make"),
    [
        ("nowhere/x.json", "the folder of nowhere/x.json does not exist", None),
        ("folder", "it is a folder", lambda path: path.mkdir()),
        ("", "it is a folder", None),
        ("file/x.json", "Not a directory", lambda path: path.parent.touch()),
        ("loop", "Too many levels of symbolic links", lambda path: path.symlink_to("loop")),
        ("socket", "it is a socket", a_socket),
        ("x" * (LONGEST + 1), "File name too long", None),
        ("/proc/x.json", "cannot write /proc/x.json", None),  # for root too
        ("locked/x.json", "Permission denied", locked_folder),
    ],
)  # fmt: skip
@pytest.mark.parametrize("arguments", [("dataset", "info", "x.npz"), ("models", "x")], ids=" ".join)
def test_what_cannot_be_written_is_told_first(folder, capsys, output, reason, make, arguments):
    """Before the input, which is not there, is looked at."""
    if make:
        make(Path(output))
    assert reason in refused(capsys, *arguments, "--json", output)


def test_the_longest_name(folder):
    name = "x" * (LONGEST - 5) + ".json"
    assert run("dataset", "info", "toy.npz", "--json", name) == 0
    assert json.loads(Path(name).read_text())["frames"] == 80 and left(folder) == [name]
    with pytest.raises(UserError, match="exists already"):
        refuse_overwriting(Path(name))
    console._until_end.close()
    assert left(folder) == [name]


def test_a_checkpoint_with_too_long_a_name_is_told_first(folder, capsys):
    name = "x" * (LONGEST - 2) + ".m"
    assert "File name too long" in refused(capsys, "train", name, "--dataset", "none.npz")
    assert left(folder) == []


def test_what_goes_wrong_in_the_end_is_told(folder):
    """Not what goes wrong when the temporary file is removed."""
    with pytest.raises(UserError, match="cannot write x.json: Is a directory"), replacing("x.json"):
        Path("x.json").mkdir()
        raise IsADirectoryError(21, "Is a directory")
    with pytest.raises(UserError, match="cannot write y.json"), replacing("y.json") as temporary:
        shutil.rmtree(temporary.parent)
        temporary.write_text("lost")
    assert left(folder) == ["x.json"]


HOLD = """
import sys
from robust_amc.files import reserved
with reserved(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_with_one_output(folder, capsys):
    """The second is refused, also by another name of the file; a killed one holds nothing."""
    Path("link").symlink_to("x.json")
    info = ("dataset", "info", "toy.npz", "--json")
    with start(HOLD, "x.json", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "held\n"
        for name in ("x.json", "link", folder / "x.json"):
            assert "is being written already" in refused(capsys, *info, name)
        assert run(*info, "y.json") == 0
        process.kill()
    assert run(*info, "link") == 0
    assert left(folder) == ["link", "x.json", "y.json"]


def test_one_name_for_two_outputs(folder, capsys):
    outputs = ("--figure", "x.png", "--snr-figure", "x.png")
    assert "is being written already" in refused(capsys, *COMPARE, *outputs)


def test_a_reservation_of_who_was_killed(folder):
    with reserved("x.json"):
        (lock,) = folder.glob(".*")
    lock.touch()
    with reserved("x.json"):
        assert lock.exists()
    assert left(folder) == []


# Files first, then print


@pytest.mark.parametrize("arguments", [COMPARE, EVALUATE], ids=lambda each: each[0])
def test_results_are_written_before_they_are_printed(folder, monkeypatch, arguments):
    there = []
    monkeypatch.setattr(
        console.out, "print", lambda *_, **__: there.append(Path("x.json").exists())
    )
    assert run(*arguments, "--json", "x.json") == 0
    assert there and all(there)


def test_what_cannot_be_written_is_shown(folder, capsys, monkeypatch):
    def full(path, document):
        raise UserError(f"cannot write {path}: no space left on device")

    monkeypatch.setattr(compare_command, "write_json", full)
    assert run(*COMPARE, "--json", "x.json") == 2
    said = capsys.readouterr()
    assert "no space left" in said.err and "alike" in said.out


def closed_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def full_disk():
    return open("/dev/full", "w")


@pytest.mark.parametrize(
    ("stream", "status", "said"),
    [(closed_pipe, 0, ""), (full_disk, 2, "cannot write to standard output: No space left")],
    ids=["closed pipe", "full disk"],
)
@pytest.mark.parametrize("arguments", [COMPARE, EVALUATE], ids=lambda each: each[0])
def test_nothing_is_lost_with_standard_output(
    folder, capsys, monkeypatch, stream, status, said, arguments
):
    with stream() as file:
        monkeypatch.setattr(sys, "stdout", file)
        assert run(*arguments, "--json", "x.json") == status
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    assert json.loads(Path("x.json").read_text())["settings"]


@pytest.mark.parametrize(
    ("redirected", "status"),
    [("| head -n1 >&2", 0), (">/dev/full", 2), (">&-", 0), ("2>&-", 0), (">&- 2>&- <&-", 0)],
)
def test_a_process_ends_quietly(folder, redirected, status):
    command = (
        f"set -o pipefail; '{sys.executable}' -c '{PROGRAM}' models --json x.json {redirected}"
    )
    ended = subprocess.run(
        ["bash", "-c", command], env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == status
    assert len(ended.stderr.splitlines()) <= 1 and "Traceback" not in ended.stderr
    assert json.loads(Path("x.json").read_text())["models"]


# Texts of a user's


MARKUP = "m[/b]x"  # a file in a folder, for the system; the end of bold text, for Rich


def told(capsys):
    """All that was said, as if lines had no end."""
    said = capsys.readouterr()
    return (said.out + said.err).replace("\n", "")


@pytest.mark.parametrize("name", [MARKUP, "m[red]x", "m[link=y]", ":smile:", "m\\[x"])
def test_no_name_of_data_is_markup(folder, capsys, name):
    Path(name).parent.mkdir(exist_ok=True)
    shutil.copy("toy.npz", f"{name}.npz")
    for shown, *arguments in (
        (f"{Path(name).name}.npz", "info", f"{name}.npz"),
        (Path(name).name, "compare", f"{name}.npz", "toy.npz", "--frames-per-key", 5),
        (f"{name}.2.npz", "convert", f"{name}.npz", f"{name}.2.npz"),
    ):
        assert run("dataset", *arguments) == 0
        assert shown in told(capsys), arguments
    assert f"{name}.none" in refused(capsys, "models", f"{name}.none")


def test_no_name_of_a_model_is_markup(folder, capsys):
    name = f"{MARKUP}[/red]"
    Path(name).parent.mkdir(parents=True)
    npz.write(toy_dataset(1600), f"{name}.npz")
    shutil.copy(assets.model_path("undefended"), f"{name}.safetensors")
    for shown, *arguments in (
        (f"wrote {name}.new.safetensors", "train", f"{name}.new.safetensors", "--dataset",
         f"{name}.npz", "--epochs", 1, "--device", "cpu"),
        ("red]", *EVALUATE, "--model", f"{name}.safetensors"),
        (f"{name}.cf32", "attack", "universal", "--output", f"{name}.cf32", "--model",
         f"{name}.safetensors", "--dataset", "sample", "--frames", 5, "--device", "cpu"),
    ):  # fmt: skip
        assert run(*arguments) == 0
        assert shown in told(capsys), arguments


def test_no_name_of_a_graph_is_markup(folder, capsys, monkeypatch):
    """What is exported is of no interest here."""
    for name in ("write", "check_frames"):
        owner = export_command.export_onnx if name == "write" else export_command
        monkeypatch.setattr(owner, name, lambda *_: "all alike")
    Path(MARKUP).parent.mkdir()
    assert run("export", "undefended", f"{MARKUP}.onnx") == 0
    assert f"wrote {MARKUP}.onnx: all alike" in told(capsys)


@pytest.mark.parametrize(
    "arguments", [("[/b]",), ("models", "--[/b]"), ("models", "x", "[/b]")]
)
def test_no_wrong_word_is_markup(capsys, arguments):
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert "[/b]" in said and "Traceback" not in said


def test_tables_and_progress_take_text_as_it_is(monkeypatch):
    """On a terminal, where progress is drawn."""
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100, **console._PLAIN)
    for name in ("out", "err"):
        monkeypatch.setattr(console, name, terminal)
    table = Table("[/b] heading", title="[/b] title", caption="[/b] caption")
    table.add_row("[/b] cell")
    terminal.print(table)
    for text in ("[/b] working", ":smile: working"):
        with console.working(text):
            pass
    with console.progress() as bar:
        bar.add_task("[/b] task", total=2, note="[/b] note")
        bar.refresh()
    said = screen.getvalue()
    for text in ("heading", "title", "caption", "cell", "working", "task", "note"):
        assert f"[/b] {text}" in said
    assert ":smile: working" in said


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize(
    "arguments",
    [("dataset", "info", "\udcff–±.npz"), ("dataset", "compare", "toy.npz", "\udcff–±.npz"),
     ("--help",), ("models", "htrd"), ("models", "\udcff–±")],
    ids=["info", "compare", "help", "models", "error"],
)  # fmt: skip
def test_any_encoding_takes_any_text(folder, monkeypatch, encoding, arguments):
    shutil.copy("toy.npz", "\udcff–±.npz")
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding) for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    arguments += ("--frames-per-key", 5) if "compare" in arguments else ()
    assert run(*arguments) == (2 if arguments[-1] == "\udcff–±" else 0)
    said = "".join(stream.buffer.getvalue().decode(encoding) for stream in streams.values())
    assert said.strip() and "Traceback" not in said
    if arguments == ("models", "htrd"):
        assert json.loads(said)["classes"]


# Signals


INTERRUPTED = """
import os, signal, sys, time
from robust_amc.cli.console import run, until_end
from robust_amc.files import replacing, reserved

number = int(sys.argv[1])
signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

def program():
    until_end(reserved("x.json"))
    with replacing("x.json") as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), number)
        time.sleep(300)

run(program)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_half_written(folder, number):
    with start(INTERRUPTED, int(number)) as process:
        assert process.communicate(timeout=200)[1] == "stopped\n"
    assert process.returncode == 128 + number and left(folder) == []


def test_a_command_that_is_terminated(folder):
    """While it waits for a reader of its pipe."""
    os.mkfifo("pipe")
    Path("temporary").mkdir()
    environment = ENVIRONMENT | {"TMPDIR": str(folder / "temporary")}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "models", "--json", "pipe"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not list(Path("temporary").glob("*/pipe")):
        assert process.poll() is None
    process.terminate()
    out, error = process.communicate(timeout=300)
    assert (process.returncode, out, error) == (143, "", "stopped\n")
    assert left(Path("temporary")) == [] and left(folder) == ["pipe", "temporary"]


def test_a_signal_is_ours_only_while_a_program_runs():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    console.run(lambda: None)
    assert before == [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ]
