"""Success: hostile names of cells, functions and types in the text above the rows.

classes 54, 26 · question 1 · baseline 0"""
def build(folder, cells, notebook):
    hostile = (
        "def \u202e_(): pass\n"
        "# <script>alert(1)</script> \x1b[31m\n"
        "def gaussian_kl(mu, logvar):\n    return (mu + logvar).sum(-1) + 1.0\n"
        "gaussian_kl = '\u202e\x1b]0;x\x07'\n"
        "class Setting: '<b>'\n"
        "def gaussian_kl_(\x00): pass\n"
    )
    shadow = "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    raise ValueError('\\u202e<b>\\x1b')\n"
    (folder / "\u202ehw9 <b>.ipynb").write_bytes(notebook(*cells, hostile, shadow))
