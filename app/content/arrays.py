"""Files of arrays, memory-mapped: all workers of a machine share what they read of them."""

from __future__ import annotations

import mmap
import struct
import zipfile
from pathlib import Path

import numpy as np

_LOCAL = struct.Struct("<4s22xHH")
"""The head of a member in a zip file: a mark, then the lengths of its name and of what else stands before the data."""


def mapped(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an uncompressed `.npz`, read-only. `OSError`, `ValueError` or `BadZipFile` where it is none. The file may be
    replaced meanwhile, not written into."""
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return {each.filename.removesuffix(".npy"): _array(whole, each) for each in archive.infolist()}


def _array(whole: mmap.mmap, member: zipfile.ZipInfo) -> np.ndarray:
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename[:80]} is compressed")
    mark, name, more = _LOCAL.unpack_from(whole, member.header_offset)
    start = member.header_offset + _LOCAL.size + name + more
    if mark != b"PK\x03\x04" or start + member.file_size > len(whole):
        raise ValueError(f"{member.filename[:80]} is torn")
    whole.seek(start)
    version = np.lib.format.read_magic(whole)
    shape, by_columns, kind = (np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0)(whole)
    if kind.hasobject or by_columns:
        raise ValueError(f"{member.filename[:80]} holds no plain array")
    count = int(np.prod(shape, dtype=np.int64))
    if whole.tell() + count * kind.itemsize > start + member.file_size:
        raise ValueError(f"{member.filename[:80]} is torn")
    return np.frombuffer(whole, kind, count, whole.tell()).reshape(shape)
