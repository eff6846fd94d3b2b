"""Success: a damaged zip member of a rare compression is our fault.

class 55 · question 1 · baseline 0 · refused"""
import io
import zipfile


def build(folder, cells, notebook):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("hw9.ipynb", notebook(*cells))
    data = bytearray(raw.getvalue())
    start = data.index(b"hw9.ipynb") + len(b"hw9.ipynb") + 4
    data[start : start + 5] = b"\xff" * 5
    (folder / "hw9.zip").write_bytes(bytes(data))
