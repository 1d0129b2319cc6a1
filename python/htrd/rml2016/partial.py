# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished keys of a data set that is being generated, kept beside the output.

One file a key, each with the settings it was made with: after an interruption, only the
missing ones are made.
"""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
from robust_amc.errors import UserError
from robust_amc.files import replacing

_IDENTITY = "identity"  # the field of a part that is no column


class Parts:
    """The folder of parts of `output`.

    Args:
        output: path of the data set
        identity: JSON object of everything that decides the frames
        resume: whether parts may be there already

    Raises UserError when parts are there and are not wanted, or belong to another data set.
    """

    def __init__(self, output, identity, resume):
        output = Path(output)
        self.folder = output.with_name(f".{output.name}.parts")
        self._identity = json.loads(json.dumps(identity))
        if any(self.folder.glob("*")) and not resume:
            raise UserError(f"{self.folder} is there: add --resume to go on, or delete it")
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make {self.folder}: {error.strerror or error}") from None
        for path in self.folder.glob("[!.]*.npz"):
            self._read(path)  # also those that would not be asked for

    def load(self, name, snr_db):
        """The columns of a key, by name; None when it is not finished."""
        return self._read(self._path(name, snr_db))

    def save(self, name, snr_db, columns):
        """Keep the columns of a key."""
        with replacing(self._path(name, snr_db)) as temporary:
            np.savez(temporary, **columns, **{_IDENTITY: np.array(json.dumps(self._identity))})

    def remove(self):
        """Remove all parts: the data set is written."""
        shutil.rmtree(self.folder)

    def _path(self, name, snr_db):
        return self.folder / f"{name}_{snr_db:g}.npz"

    def _read(self, path):
        """Columns of a part; None when it is missing or damaged."""
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                columns = dict(archive)
            identity = json.loads(str(columns.pop(_IDENTITY)))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        changed = [key for key in self._identity if identity.get(key) != self._identity[key]]
        if changed:
            raise UserError(
                f"{self.folder} belongs to another data set (other {', '.join(changed)}); "
                "use the same settings or another output, or delete it"
            )
        return columns
