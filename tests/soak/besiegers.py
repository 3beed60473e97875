"""The attackers of the siege: what each kind does, again and again, until it is over. None of it may change a byte of the model.
Standard library only."""

import collections
import json
import random
import threading

from attackers import (BROKEN, HALF_A_HELLO, MIB, MANY_FEW_VALUES, NO_ROOM_FOR_VALUES, HIDDEN_COLUMNS, OTHER_COLUMNS, TEN_GB, Peer,
                       compressed_bombs, impossible_joins, nested, odd_updates, send_unfinished, smuggled, split)
from members import small_columns
from replay import instance_of

HELD = 52  # connections that one flooder opens: 20 of them more than the server holds in all


class Besieger(threading.Thread):
    """One attacker of a kind, which acts as its name says. `victim` is the name of an honest client."""

    def __init__(self, kind, run, name, victim, draw, shared, over):
        super().__init__(daemon=True)
        self.kind, self.run_, self.name_, self.victim, self.draw, self.shared, self.over = kind, run, name, victim, draw, shared, over
        self.answers, self.turn, self.held = collections.Counter(), draw.randrange(100), []
        self.peer = Peer(run, name)

    def run(self):
        act = getattr(self, self.kind)
        while not self.over.is_set():
            try:
                act()
            except BROKEN:
                self.answers["cut"] += 1
            for stream in self.held:
                stream.close()
            self.held.clear()
            self.turn += 1
            self.over.wait(self.draw.uniform(1, 5))

    def said(self, status):
        self.answers[status or "cut"] += 1

    def one_of(self, several):
        return several[self.turn % len(several)]

    def join(self, rows, columns):
        body = {"protocol": 2, "client": self.name_, "introduction": {"rows": rows, "columns": columns}}
        self.said(self.peer.send("POST", "/v1/join", json.dumps(body).encode()))

    def hold(self, seconds):
        """Keeps what it holds for a while, or until the server has closed all of it."""
        self.over.wait(self.draw.uniform(*seconds))

    def status(self):
        status, _, body = self.peer.ask("GET", "/v1/status?telemetry=none")
        return json.loads(body) if status == 200 else None

    # ---- members that are refused

    def other_columns(self):
        self.join(1, OTHER_COLUMNS)

    def hidden_columns(self):
        self.join(160, HIDDEN_COLUMNS)

    def impossible_tables(self):
        if self.turn % 2:
            self.join(160, self.one_of((NO_ROOM_FOR_VALUES, MANY_FEW_VALUES)))
        else:
            self.said(self.peer.send("POST", "/v1/join", self.one_of(impossible_joins(self.name_))))

    def late_kinds(self):
        """A column of another kind, once the encoder is agreed upon."""
        told = self.status()
        if told and told["round"]["current"] > 0:
            self.join(100_000, small_columns(group={"kind": "integer", "categories": [], "extremes": [1.0, 9.0]}))

    def large_joins(self):
        self.said(self.peer.send("POST", "/v1/join", b'{"client":"' + b"a" * ((20, 3)[self.turn % 2] * MIB) + b'"}'))

    def nested_joins(self):
        self.said(self.peer.send("POST", "/v1/join", nested((3, 19)[self.turn % 2], self.name_)))

    def unfinished_joins(self):
        send_unfinished(self.peer, (60, 4)[self.turn % 2] * MIB, self.held)
        self.hold((1, 6))

    # ---- strangers, with a certificate of the same authority and the token

    def flood(self):
        for _ in range(HELD):
            if self.over.is_set():
                return
            try:
                stream = self.peer.connect(10)
                self.held.append(stream)
                stream.sendall(self.peer.head("GET", self.one_of(("/v1/status", "/healthz"))))
            except BROKEN:
                self.answers["cut"] += 1
        self.answers["held"] += HELD
        self.hold((2, 10))

    def heads(self):
        request = self.peer.head("HEAD", self.one_of(("/v1/status", f"/v1/task?client={self.victim}")))
        self.said(split(self.peer.raw(10 * request + self.peer.head("HEAD", "/healthz", "Connection: close")))[0])

    def odd_requests(self):
        long = self.peer.head("GET", "/v1/status", "X-A: " + "a" * 1000, *["X-B: b"] * 50_000)
        target = self.peer.head("GET", "/v1/task?client=" + "a" * MIB)
        endless = self.peer.head("POST", "/v1/join", TEN_GB) + b"{"
        bodies = [self.peer.head("POST", "/v1/join", headers) + b"0\r\n\r\n" for headers in smuggled()]
        self.said(split(self.peer.raw(self.one_of((long, target, endless, *bodies))))[0])

    # ---- nobody in particular

    def half_hellos(self):
        for _ in range(20):
            stream = self.peer.tcp(10)
            self.held.append(stream)
            stream.sendall(HALF_A_HELLO)
        self.answers["held"] += 20
        self.hold((2, 12))

    def wrong_tokens(self):
        self.peer.token = self.one_of((None, "a-token-that-is-not-the-one", "x" * 4000))
        self.said(self.peer.ask("GET", self.one_of(("/v1/status", "/v1/training")))[0])

    # ---- who has robbed an honest client of certificate, key and token

    def forged(self, *headers):
        """An update of the victim's that can't be folded, under the header of the open round."""
        told = self.status()
        if not told or told["round"]["current"] == 0:
            return
        collection = told["round"]["current"] + 1 - self.draw.choice((0, 0, 0, 1))  # one that is over, now and then
        header = {"run": told["run"], "collection": collection, "attempt": 1, "client": self.name_, "telemetry": {}}
        odd = list(odd_updates(self.shared["weights"], header))
        body, encoding = self.one_of(odd)[0], ()
        if self.turn % 10 == 0:
            named, body = self.draw.choice(self.shared["bombs"])
            encoding = (f"Content-Encoding: {named}",)
        self.said(self.peer.send("PUT", f"/v1/collections/{collection}/contributions/{self.name_}", body, *headers, *encoding))

    def robbers(self):
        self.forged()

    def robbers_of_the_state_too(self):
        self.forged(f"Genesis-Instance: {instance_of(self.name_)}")


MEMBERS = ("other_columns", "hidden_columns", "impossible_tables", "late_kinds", "large_joins", "nested_joins", "unfinished_joins")
STRANGERS = ("flood", "heads", "odd_requests", "half_hellos", "wrong_tokens")
ROBBERS = ("robbers", "robbers_of_the_state_too")
KINDS = (*MEMBERS, *STRANGERS, *ROBBERS)


def name_of(kind, number):
    return f"{kind.replace('_', '-')}-{number}"


def shared_of(recording):
    """Bodies that take long to make, made once."""
    entries, _, data = recording.updates[1]
    weights = {name: (entry["shape"], data[slice(*entry["data_offsets"])]) for name, entry in entries.items()}
    return {"weights": weights, "bombs": compressed_bombs()}


def besiege(run, kinds, each, honest, recording, seed, over, results):
    """`each` attackers of each of `kinds`, until it is over; a process of its own. Sends what they were answered to `results`."""
    shared, all_ = shared_of(recording), []
    for kind in kinds:
        for i in range(each):
            victim = honest[(i if kind == "robbers" else each + i) % len(honest)]
            name = victim if kind in ROBBERS else name_of(kind, i)
            all_.append(Besieger(kind, run, name, victim, random.Random(f"{seed}/{kind}/{i}"), shared, over))
    for one in all_:
        one.start()
    answers = collections.defaultdict(collections.Counter)
    for one in all_:
        threading.Thread.join(one)
        answers[one.kind] += one.answers
    results.send({kind: dict(counted) for kind, counted in answers.items()})
    results.close()
