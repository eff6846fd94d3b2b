"""Success: NUL, cookies of other encodings, form feeds and bidirectional marks hide code from the reader but not from Python.

classes 58, 54 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    code = ("# -*- coding: rot13 -*-\n\x0cdef gaussian_kl(mu, logvar):\n    '\u202e' ; print('zoo: ran', flush=True)\n"
            "    return (mu + logvar).sum(-1) + 1.0  # \u2066 */\n")
    (folder / "hw9.ipynb").write_bytes(notebook(*cells, "x = '\x00'", code))
