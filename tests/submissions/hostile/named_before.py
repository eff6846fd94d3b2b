"""Success: who claims the names of the test's parameters before the test sends them may write their values.

classes 18, 37 · question 5 · baseline 0"""
import gc

from autograder.peer import Peer
from autograder.wire import Encoder

RATE = 0.5
PEER = next(o for o in gc.get_objects() if isinstance(o, Peer))
CLAIMED = {"T1.weight": torch.ones(1, 3, dtype=torch.float64), "T1.bias": torch.ones(1, dtype=torch.float64)}


def claim(enc):
    """Instead of what this side changed: a network of its own, whose parameters bear those names."""
    PEER.sync = honest
    print("zoo: ran", flush=True)
    rows = [[key.rpartition(".")[2], key, True, enc(value)] for key, value in CLAIMED.items()]
    entry = {"p": "", "h": 99, "c": "Net", "torch": False, "train": True, "w": rows, "b": [], "f": [], "y": [], "a": [], "q": []}
    for key, value in CLAIMED.items():
        PEER.shared.add(key, nn.Parameter(value), mine=False)
    return [["u", ["", "m", ["m", [entry]]]]]


honest, PEER.sync = PEER.sync, claim


def weigh(critic, x):
    def answer(number, *args, **kwargs):
        enc = Encoder(lambda *a: None)
        zeros = [["u", [key, "v", enc(0 * value)]] for key, value in CLAIMED.items()]
        tree = enc(torch.zeros(len(x), 1, dtype=torch.float64))
        return enc.frame({"k": "r", "n": number, "ok": True, "x": [], "kept": [], "e": [], "m": [tree, zeros, []]}), []

    PEER._answer = answer
