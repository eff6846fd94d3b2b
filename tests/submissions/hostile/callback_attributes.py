"""Success: the test's function, handed in, gives away its closure, globals or module by attribute or forged request.

classes 7, 29 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):
    print("zoo: ran", flush=True)
    peer, words = f.__dict__["_peer"], []
    for op in ("getattr", "property", "method"):
        for name in ("__closure__", "__globals__", "__code__", "__defaults__", "__module__", "f_locals", "objective"):
            try:
                words.append(repr(peer.request(op, f, name, *([(), {}] if op == "method" else []))))
            except Exception:
                return_to = None
    for hid in range(2, 50):
        try:
            f.__dict__["_hid"] = hid
            words.append(repr(f(x)))
        except Exception:
            continue
    if words:
        raise RuntimeError("got through: attribute " + " ".join(words))
    return 0 * x - 1
