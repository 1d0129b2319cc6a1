"""The Python example of README.md runs as it stands."""

import re
from pathlib import Path


def test_python_example(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    shares = [float(line.split(":")[1]) for line in capsys.readouterr().out.splitlines()]
    assert len(shares) == 3
    assert all(0 <= share <= 1 for share in shares)
