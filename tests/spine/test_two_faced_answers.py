"""Answers that mean one thing here and another to torch, NumPy or the next message: none of them gets hold of the grader."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from autograder.server import Server
from autograder.worker import Limits, WorkerLost

BASE = """
import gc
import torch
from autograder.peer import Peer
from autograder.wire import Encoder

def forge(tree, sync=(), kept=()):
    peer, enc = next(o for o in gc.get_objects() if isinstance(o, Peer)), Encoder(lambda *a: None)
    enc(torch.zeros(1, 2))
    base = {"k": "r", "ok": True, "x": [], "kept": list(kept), "e": [], "m": [tree, list(sync), []]}
    peer._answer = lambda number, *a, **k: (enc.frame({**base, "n": number}), [])
"""
PARTS = """
class Part(nn.Module):
    def forward(self, *args, **kwargs): return True
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module("__torch_function__", Part())
        self.register_buffer("__array__", torch.ones(2))
def f(): return Net()
"""
TREES = """
def entry(path, hid, w=()):
    kept = {"p": path, "h": hid, "c": "Net", "torch": False, "train": True, "w": list(w)}
    return {**kept, "b": [], "f": [], "y": [], "a": [], "q": []}
"""


def test_a_networks_parts_are_no_protocol_of_torchs(start: Any) -> None:
    """torch does not call a part that a network names after a protocol, and NumPy does not read one."""
    answer = start("import torch\nfrom torch import nn\n" + PARTS).bind(["f"])["f"]()
    assert len(list(answer.children())) == 1
    with pytest.raises(TypeError, match="must be Tensor"):
        torch.allclose(answer, torch.ones(2))
    assert not hasattr(answer, "__torch_function__") and not hasattr(answer, "__array__")


@pytest.mark.parametrize("tag", ["R", "ns"])
def test_a_records_fields_are_no_protocol_of_numpys(start: Any, tag: str) -> None:
    """A field that describes memory is not a field: NumPy would read whatever lies at that address of the grader's."""
    memory = "['d', [['shape', ['u', [4]]], ['typestr', '<f8'], ['data', ['u', [4096, False]]], ['version', 3]]]"
    fields = f"[['__array_interface__', {memory}], ['gain', 2.0]]"
    tree = f"['R', ['Rec', {fields}, 0]]" if tag == "R" else f"['ns', {fields}]"
    function = start(BASE + f"def f(): forge({tree})").bind(["f"])["f"]
    if tag == "ns":  # the worker's side never sends one
        with pytest.raises(WorkerLost, match="protocol"):
            function()
    else:
        answer = function()
        assert answer.gain == 2.0 and not hasattr(answer, "__array_interface__")


@pytest.mark.parametrize("how", ["network", "kept"])
def test_nobody_claims_the_name_of_a_tensor_of_the_tests(start: Any, how: str) -> None:
    """The name that the test's next parameter will get cannot be taken by the worker, who could then write it."""
    rows = "[['weight', 'T1.weight', True, ['t', 0]]]"
    forged = {"network": f"['m', [entry('', 99, {rows})]]", "kept": "1, kept=[[0, 'T1.weight']]"}
    function = start(BASE + TREES + f"def f(x): forge({forged[how]})").bind(["f"])["f"]
    with pytest.raises(WorkerLost, match="under a name of the other side's"):
        function(torch.ones(2, requires_grad=True))


@pytest.mark.parametrize("how", ["data", "parameter"])
def test_what_a_test_gives_a_parameter_stays_the_tests(start: Any, how: str) -> None:
    """A tensor that the test puts into the student's network is not written when the worker changes the parameter."""
    source = "import torch\nnet = torch.nn.Linear(2, 1, bias=False)\ndef spoil():\n    with torch.no_grad(): net.weight.zero_()"
    own = start(source).bind(["net", "spoil"])
    net, weight = own["net"], torch.tensor([[3.0, 4.0]])
    if how == "data":
        net.weight.data = weight
    else:
        net.weight = nn.Parameter(weight)
    assert net(torch.ones(1, 2)).item() == 7
    own["spoil"]()
    assert weight.tolist() == [[3.0, 4.0]] and net.weight.tolist() == [[0.0, 0.0]]
    assert net(torch.ones(1, 2)).item() == 0


def test_a_network_does_not_unfold(start: Any) -> None:
    """A network of eighty parts through which a walk takes longer than anybody lives is refused as it arrives."""
    source = """
def f():
    def tree(k):
        c = ('', 100 + k), ('a', 200 + k), ('a.c', 101 + k), ('b', 300 + k), ('b.c', 101 + k)
        return ['m', [entry(path, hid) for path, hid in c]]
    forge(tree(0), sync=[['u', ['', 'm', tree(k)]] for k in range(1, 40)])
"""
    function = start(BASE + TREES + source).bind(["f"])["f"]
    with pytest.raises(WorkerLost, match="too many parts"):
        function()


@pytest.mark.parametrize(
    "what", ["['file', 5]", "['names', ['l', ['f', ['l', []]]]]", "['type', None]", "['text', 1.5]"]
)
def test_a_load_report_is_made_of_texts(server: Server, what: str) -> None:
    """What stands for a text in the report on loading is one: the text of a network may take hours to make."""
    row = "{'file': 'a', 'line': 1, 'names': ['l', []], 'type': 'E', 'text': '', 'given': False}"
    forged = f"row = dict({row}, **dict([{what}]))\nforge(['d', [['errors', ['l', [['d', [[k, v] for k, v in row.items()]]]]], ['bound', ['l', []]]]])"
    worker = server.spawn(Limits(), seed=7)
    try:
        with pytest.raises(WorkerLost, match="malformed load report"):
            worker.load({"pieces": [{"file": "cell 1", "line": 1, "source": BASE + forged, "names": [], "cell": 1}]})
    finally:
        worker.close()


def test_a_part_that_is_used_twice_is_no_offence(start: Any) -> None:
    """Weights shared by parts of a network arrive as one part under two names."""
    source = "import torch\nlayer = torch.nn.Linear(2, 2)\nnet = torch.nn.Sequential(layer, torch.nn.Sequential(layer, layer))"
    net: Any = start(source).bind(["net"])["net"]
    assert net[0] is net[1][0] is net[1][1]
    assert len(list(itertools.islice(net.named_modules(remove_duplicate=False), 9))) == 5


@pytest.mark.parametrize(
    ("fields", "works"),
    [
        ("shape=(2, 3), dtype=torch.float64", True),
        ("shape=[2], dtype=None", True),
        ("shape=('a text',), dtype='a text'", False),
        ("shape=(0.25,), dtype=0.25", False),
        ("shape=(1,) * 17, dtype=(1,)", False),
    ],
)
def test_shapes_and_dtypes_are_shapes_and_dtypes(start: Any, fields: str, works: bool) -> None:
    """Whatever an answer is, what a test would quote as its shape and dtype carries no text out."""
    source = f"""
import collections, dataclasses, torch
class Plain:
    def __init__(self, **fields): self.__dict__.update(fields)
class Net(torch.nn.Module):
    def __init__(self, **fields):
        super().__init__()
        self.__dict__.update(fields)
@dataclasses.dataclass
class Record:
    shape: object
    dtype: object
Pair = collections.namedtuple("Pair", "shape dtype")
def f(kind): return {{"plain": Plain, "net": Net, "record": Record, "pair": Pair}}[kind]({fields})
"""
    function = start(source).bind(["f"])["f"]
    for kind in ("plain", "net", "record", "pair"):
        answer = function(kind)
        for name in ("shape", "dtype"):
            if works:
                assert isinstance(getattr(answer, name), (tuple, list, torch.dtype, type(None)))
            else:
                with pytest.raises((TypeError, AttributeError)):
                    getattr(answer, name)


def test_a_buffer_is_no_dtype(start: Any) -> None:
    """A network's tensor or part under such a name is not quoted either."""
    source = "import torch\nnet = torch.nn.Linear(2, 2)\nnet.register_buffer('dtype', torch.rand(3))\nnet.shape = torch.nn.Identity()"
    net = start(source).bind(["net"])["net"]
    for name in ("dtype", "shape"):
        with pytest.raises(TypeError, match=f"what it calls {name}"):
            getattr(net, name)
    assert len(list(net.buffers())) == 1


def test_a_tests_own_record_may_say_what_it_likes(start: Any) -> None:
    """What a test hands in reaches the student as it is, whatever its fields are called."""
    import collections

    pair = collections.namedtuple("pair", "shape dtype")("wide", np.float64(2.0))  # noqa: PYI024  (as a test would)
    assert start("def f(p): return [p.shape, float(p.dtype)]").bind(["f"])["f"](pair) == ["wide", 2.0]
