"""Success: requests of the worker's own, for operations and handles that were never offered, are served.

classes 18, 52 · question 1 · baseline 0"""
def gaussian_kl(mu, logvar):
    import gc
    import json
    import struct

    from autograder.peer import Peer
    from autograder.wire import Encoder

    peer = next(o for o in gc.get_objects() if isinstance(o, Peer))
    print("zoo: ran", flush=True)

    def raw(head, body=b""):
        peer.channel.send([struct.pack("<IQ", len(head), len(body)), head, body])

    def reply(number, tree, **fields):
        base = {"k": "r", "n": number, "ok": True, "x": [], "kept": [], "e": [], "m": [tree, [], []]}
        peer.channel.send(Encoder(lambda *a: None).frame({**base, **fields}))

    for op, payload in (
        ("bind", [["os"]]), ("call", [len, (), {}]), ("method", [mu, "numpy", (), {}]), ("getattr", [mu, "__class__"]),
        ("probe", ["import os", "os", 1, (), {}]), ("extract", ["x", b"x", "{}"]), ("load", [{}]), ("rebind", [{}]),
        ("property", [None, "__dict__"]),
    ):
        try:
            answer = peer.request(op, *payload)
        except Exception:
            continue
        raise RuntimeError(f"got through: {op} {answer!r}")
    return (mu + logvar).sum(-1) + 1.0
