"""Success: NumPy finds a description of memory on a returned object, and reads the grader's own, or crashes it.

classes 2, 46 · question 5 · baseline 0"""
import gc

from autograder.peer import Peer
from autograder.wire import Encoder

RATE = 0.5
FIELDS = [["shape", ["u", [400]]], ["typestr", "<f8"], ["data", ["u", [4096, False]]], ["version", 3]]


def weigh(critic, x):
    print("zoo: ran", flush=True)
    peer = next(o for o in gc.get_objects() if isinstance(o, Peer))
    honest = peer._answer

    def answer(number, *args, **kwargs):
        peer._answer = honest
        tree = ["R", ["Answer", [["__array_interface__", ["d", FIELDS]]], peer.exports.add(object())]]
        base = {"k": "r", "n": number, "ok": True, "x": [], "kept": [], "e": [], "m": [tree, [], []]}
        return Encoder(lambda *a: None).frame(base), []

    peer._answer = answer
