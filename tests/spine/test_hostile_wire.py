"""A worker that attacks the protocol: every case ends as StudentError or WorkerLost, quickly, and changes nothing of the test's."""

from __future__ import annotations

import json
import os
import signal
import struct
import time
from typing import Any

import pytest
import torch
from torch import nn

from autograder.values import MAX_NAMED
from autograder.wire import MAX_HEADER, MAX_TEXT, Encoder
from autograder.worker import StudentError, WorkerLost, clean

BASE = '''
import gc, json, os, struct, sys, time
import torch
from autograder.peer import Peer
from autograder.wire import Encoder

def peer():
    return next(o for o in gc.get_objects() if isinstance(o, Peer))

def reply(number, tree, **fields):
    enc = Encoder(lambda *a: None)
    base = {"k": "r", "n": number, "ok": True, "x": [], "kept": [], "e": [], "m": [tree, [], []]}
    peer().channel.send(enc.frame({**base, **fields}))

def raw(head, body=b""):
    peer().channel.send([struct.pack("<IQ", len(head), len(body)), head, body])

def forge(tree, sync=(), filled=(), **fields):
    """Answer the running call with this tree instead of an honest one."""
    p = peer()
    def answer(number, result, *a, **k):
        enc = Encoder(lambda *a: None)
        base = {"k": "r", "n": number, "ok": True, "x": [], "kept": [], "e": [], "m": [tree, list(sync), list(filled)]}
        return enc.frame({**base, **fields}), []
    p._answer = answer
'''

ATTACKS = {
    "asks for an operation of the worker's": "def f(cb, m, d): return peer().request('bind', ['os'])",
    "asks for a private method of a network": "def f(cb, m, d): return peer().request('method', m, '_apply', (cb,), {})",
    "asks for load_state_dict of a network": "def f(cb, m, d): return peer().request('method', m, 'load_state_dict', ({},), {})",
    "asks for a dunder": "def f(cb, m, d): return peer().request('method', cb, '__init__', (), {})",
    "asks for a property that is none": "def f(cb, m, d): return peer().request('property', m, '__dict__')",
    "calls an unknown handle": "def f(cb, m, d):\n    cb.__dict__['_hid'] = 12345\n    return cb(1)",
    "calls a tensor": "def f(cb, m, d): return peer().request('call', torch.ones(1), (), {})",
    "iterates over a network": "def f(cb, m, d): return peer().request('iter', m)",
    "overwrites a parameter through sync": """def f(cb, m, d):
    p = peer(); k = next(k for k, l in p.shared.leaves.items() if not l.mine)
    p.shared.changes = lambda: [[k, 'v', torch.zeros_like(p.shared.leaves[k].t)]]
    return cb(torch.ones(1))""",
    "sends a gradient of another shape": """def f(cb, m, d):
    p = peer(); k = next(k for k, l in p.shared.leaves.items() if not l.mine)
    p.shared.changes = lambda: [[k, 'g', torch.zeros(99)]]
    return cb(torch.ones(1))""",
    "syncs an unknown tensor": "def f(cb, m, d):\n    peer().shared.changes = lambda: [['T99.x', 'v', torch.ones(1)]]\n    return cb(torch.ones(1))",
    "syncs an unknown kind of change": "def f(cb, m, d):\n    peer().shared.changes = lambda: [['T2', 'zap', 1]]\n    return cb(torch.ones(1))",
    "answers out of turn": "def f(cb, m, d):\n    reply(999, 'forged')\n    return cb(torch.ones(1))",
    "answers before it is asked": "def f(cb, m, d):\n    reply(2, 'forged'); reply(4, 'forged'); reply(6, 'forged')\n    return 1",
    "sends an unknown message": "def f(cb, m, d): raw(json.dumps({'k': 'zz', 'm': None, 't': []}).encode()); time.sleep(60)",
    "sends no JSON": "def f(cb, m, d): raw(b'\\xff{not json'); time.sleep(60)",
    "sends a list for a header": "def f(cb, m, d): raw(b'[1,2]'); time.sleep(60)",
    "announces a huge header": "def f(cb, m, d): peer().channel.send([struct.pack('<IQ', 1 << 31, 0)]); time.sleep(60)",
    "announces a huge body": "def f(cb, m, d): peer().channel.send([struct.pack('<IQ', 2, 1 << 60), b'{}']); time.sleep(60)",
    "sends deep JSON": "def f(cb, m, d): raw(b'[' * 500000); time.sleep(60)",
    "sends a tree of many nodes": "def f(cb, m, d): forge(['l', [['l', []]] * 100000])",
    "sends a deep tree": "def f(cb, m, d):\n    t = 1\n    for _ in range(200): t = ['l', [t]]\n    forge(t)",
    "sends a big integer": "def f(cb, m, d): forge(['i', '9' * 100000])",
    "sends a tensor larger than its bytes": """def f(cb, m, d):
    raw(json.dumps({'k': 'r', 'n': 0, 'm': None, 't': [['float32', [1 << 40], False, 0, 4]]}).encode(), b'1234'); time.sleep(60)""",
    "sends a negative shape": """def f(cb, m, d):
    raw(json.dumps({'k': 'r', 'n': 0, 'm': None, 't': [['float32', [-1, -1], False, 0, 4]]}).encode(), b'1234'); time.sleep(60)""",
    "sends an unknown tag": "def f(cb, m, d): forge(['Q', 1])",
    "names a function": "def f(cb, m, d): forge(['T', ['builtins', 'eval']])",
    "names a distribution that is none": "def f(cb, m, d): forge(['P', ['kl_divergence', []]])",
    "sends a module tree without parents": "def f(cb, m, d): forge(['m', [{'p': 'a.b', 'h': 1, 'c': 'X', 'torch': True, 'train': True, 'w': [], 'b': [], 'f': [], 'y': [], 'a': [], 'q': []}]])",
    "sends a module with a tensor of the test's": """def f(cb, m, d):
    k = next(k for k, l in peer().shared.leaves.items() if not l.mine)
    forge(['m', [{'p': '', 'h': 1, 'c': 'X', 'torch': True, 'train': True, 'w': [['w', 'T99.1', True, None]], 'b': [], 'f': [], 'y': [], 'a': [], 'q': []}]])""",
    "sends tensors that overlap": """def f(cb, m, d):
    raw(json.dumps({'k': 'r', 'n': 0, 'm': None, 't': [['int8', [4], False, 0, 4], ['int8', [4], False, 0, 4]]}).encode(), b'1234'); time.sleep(60)""",
    "sends sizes of exabytes without an element": """def f(cb, m, d):
    raw(json.dumps({'k': 'r', 'n': 0, 'm': None, 't': [['int8', [1 << 40, 0], False, 0, 0]]}).encode()); time.sleep(60)""",
    "sends a dict whose keys have one hash": "def f(cb, m, d): forge(['d', [[i * (2**61 - 1), 0] for i in range(30000)]])",
    "sends a set whose members have one hash": "def f(cb, m, d): forge(['S', [i * (2**61 - 1) for i in range(30000)]])",
    "fills a dict of the test's": "def f(cb, m, d): forge(1, filled=[[0, ['d', [['alpha', 0.0]]]]])",
    "keeps an argument that does not exist": "def f(cb, m, d): forge(1, kept=[[99, 'k']])",
    "reports forged fields": "def f(cb, m, d): forge(1, x={'a': 1}, e='abc')",
    "forgets fields": "def f(cb, m, d):\n    raw(json.dumps({'k': 'r', 'n': 0, 'm': [1, [], []], 't': []}).encode()); time.sleep(60)",
    "malformed error": "def f(cb, m, d): forge([1, 2], ok=False)",
    "names an exception after a control-flow class": "def f(cb, m, d): forge([['KeyboardInterrupt', 'SystemExit'], 'x', [], 0], ok=False)",
    "mutual recursion without end": "def f(cb, m, d): return cb(lambda: f(cb, m, d))",
    "endless call-backs": "def f(cb, m, d):\n    while True: cb(torch.ones(1))",
    "drips its answer": "def f(cb, m, d):\n    while True:\n        os.write(3, b'\\x00'); time.sleep(0.05)",
    "closes its descriptors": "def f(cb, m, d): os.closerange(0, 100); return 1",
}  # fmt: skip


CLAIMS = {  # these end as values, and a value is only a claim
    "closes its descriptors", "reports forged fields", "sends a tree of many nodes", "sends a big integer",
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_ends_the_worker_or_the_call(start: Any, name: str) -> None:
    """The attack is over within seconds, as an error of the student's or a lost worker, and the test's objects are as they were."""
    model, schedule = nn.Linear(2, 1), {"alpha": 1.0}
    before = [p.detach().clone() for p in model.parameters()]
    began = time.monotonic()
    worker = start(BASE + ATTACKS[name], cpu_s=1, wall_s=2)
    function = worker.bind(["f"])["f"]
    back = (lambda g: g()) if name.startswith("mutual") else (lambda x: x)
    try:
        result = function(back, model, schedule)
    except (StudentError, WorkerLost):
        pass
    else:
        assert name in CLAIMS or result is None, result
    assert time.monotonic() - began < 8
    assert schedule == {"alpha": 1.0} and model.training
    assert all(torch.equal(p, b) and p.grad is None for p, b in zip(model.parameters(), before, strict=True))


BACKWARD = {
    "dies inside backward": (
        "class D(torch.autograd.Function):\n    @staticmethod\n    def forward(c, x): return x * 1\n    @staticmethod\n    def backward(c, g): os._exit(0)\n"
        "def f(m, x): return D.apply(m(x)).sum()"
    ),
    "sends gradients of another shape": (
        "import autograder.peer as P\n"
        "def f(m, x):\n    P.pull_back = lambda outs, g, ins, c: [torch.ones(7) for _ in ins]\n    return m(x).sum()"
    ),
    "sends too few gradients": "import autograder.peer as P\ndef f(m, x):\n    P.pull_back = lambda outs, g, ins, c: []\n    return m(x).sum()",
    "sends gradients that are text": "import autograder.peer as P\ndef f(m, x):\n    P.pull_back = lambda outs, g, ins, c: ['x' for _ in ins]\n    return m(x).sum()",
}  # fmt: skip


@pytest.mark.parametrize("name", BACKWARD)
def test_attack_inside_backward(start: Any, name: str) -> None:
    """A forged or missing gradient is a lost worker, never an error of the grader's."""
    model, x = nn.Linear(2, 1), torch.ones(1, 2, requires_grad=True)
    y = start(BASE + BACKWARD[name]).bind(["f"])["f"](model, x)
    with pytest.raises(WorkerLost):
        y.backward()
    assert x.grad is None


def test_a_networks_attributes_are_asked_for(start: Any) -> None:
    """What a worker says about a network's attributes hides none of its methods in the grader."""
    source = """import autograder.crossing, autograder.exports
honest = autograder.exports.encode_module
def encode_module(*arguments):
    tag, entries = honest(*arguments)
    return [tag, [{**e, 'a': [['forward', 5], ['parameters', 5]]} for e in entries]]
autograder.exports.encode_module = encode_module
f = torch.nn.Linear(2, 1)"""
    network = start(BASE + source).bind(["f"])["f"]
    assert network(torch.ones(1, 2)).shape == (1, 1) and len(list(network.parameters())) == 2


def test_a_text_named_often_is_unpacked_once(start: Any) -> None:
    """One long string, or its bytes, under many nodes of a message is one object in the grader; a huge one is refused."""
    tree = "def f(n):\n    enc = Encoder(lambda *a: None); enc.raw(b'x' * n)\n    frame = enc.frame\n"
    tree += "    p = peer()\n    def answer(number, *a, **k):\n"
    tree += "        m = [['l', [['x', 0], ['x', 0], ['b', 0], ['b', 0]]], [], []]\n"
    tree += "        return frame({'k': 'r', 'n': number, 'ok': True, 'x': [], 'kept': [], 'e': [], 'm': m}), []\n"
    function = start(BASE + tree + "    p._answer = answer").bind(["f"])["f"]
    text, again, raw, twice = function(10_000)
    assert text is again and raw is twice and (len(text), len(raw)) == (10_000, 10_000)
    function = start(BASE + tree + "    p._answer = answer").bind(["f"])["f"]
    with pytest.raises(WorkerLost, match="size limit"):
        function(MAX_TEXT + 1)


def test_named_tuples_of_one_submission_leave_room_for_those_of_the_next(start: Any) -> None:
    """In a class graded by one process, a named tuple crosses after thousands of others, each of a type of its own."""
    source = "import collections\ndef f(a, b): return [collections.namedtuple(f't{i}', 'x')(i) for i in range(a, b)]"
    function = start(source).bind(["f"])["f"]
    assert [t.x for t in function(0, MAX_NAMED)] == list(range(MAX_NAMED))
    (late,) = function(MAX_NAMED, MAX_NAMED + 1)
    assert late.x == MAX_NAMED


def test_worker_lost_is_no_exception() -> None:
    """`raises(Exception)` in a test cannot turn a crash into a pass."""
    assert issubclass(WorkerLost, BaseException) and not issubclass(WorkerLost, Exception)


def test_tensor_subclasses_arrive_as_plain_tensors(start: Any) -> None:
    """A subclass that calls everything equal arrives as a torch.Tensor with its bytes."""
    source = "import torch\nclass T(torch.Tensor):\n    def __eq__(self, o): return torch.ones(3, dtype=torch.bool)\ndef f(): return torch.zeros(3).as_subclass(T)"
    got = start(source).bind(["f"])["f"]()
    assert type(got) is torch.Tensor and got.tolist() == [0, 0, 0]


def test_lying_exception_text_is_cleaned(start: Any) -> None:
    """Escapes, control and bidi characters in an exception's text do not reach the grader's output."""
    worker = start("def f(): raise ValueError('\\x1b[31mred\\x1b]8;;http://x\\x07 \\u202e \\ud800 \\x00')")
    with pytest.raises(ValueError, match="red") as caught:
        worker.bind(["f"])["f"]()
    assert not {"\x1b", "\u202e", "\x00"} & set(str(caught.value))
    str(caught.value).encode()


def test_clean_keeps_text_and_removes_the_rest() -> None:
    """Clean keeps letters of all scripts and newlines, and cuts at its limit."""
    assert clean("é漢\n\t") == "é漢\n\t"
    assert clean("x" * 50, 10) == "x" * 10 + " [cut]"


def test_an_error_of_the_tests_knows_through_which_lines_it_came(start: Any) -> None:
    """What the test's function raised comes back as it was, with the student's lines that called it."""
    own = KeyError("of the test")

    def fails() -> None:
        raise own

    with pytest.raises(KeyError) as caught:
        start("def f(cb):\n    return cb()").bind(["f"])["f"](fails)
    assert caught.value is own and own.__dict__["passed_through"] == [("cell 1", "f", 2)]


def test_an_uncaught_interrupt_ends_the_worker(start: Any) -> None:
    """When the test's own call-back is interrupted, the worker, which still waits for an answer, is ended."""
    worker = start("def f(cb): return cb()")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker.bind(["f"])["f"](interrupt)
    with pytest.raises(WorkerLost):
        worker.bind(["f"])


def test_oversized_header_is_refused_by_the_sender_too() -> None:
    """An honest side that would exceed the header's cap says so instead of losing the connection."""
    enc = Encoder(lambda *a: None)
    tree = enc(list(range(150_000)))
    assert len(json.dumps(tree)) > MAX_HEADER // 2
    with pytest.raises(TypeError, match="send a tensor"):
        enc.frame({"k": "q", "m": [tree, tree]})


def test_killed_from_outside(start: Any) -> None:
    """A worker killed by a signal is lost with the signal's name."""
    worker = start("def f(): return 1")
    function = worker.bind(["f"])["f"]
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(WorkerLost) as caught:
        function()
    assert caught.value.reason == "crashed" and "Killed" in caught.value.detail and struct.calcsize("<IQ") == 12
