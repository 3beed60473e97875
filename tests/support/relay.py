"""A TCP relay between a client and a server that counts bytes and cuts connections. Standard library only."""

import socket
import threading


class Relay:
    """Listens on a port of its own, 127.0.0.1, and passes bytes on to `target`'s.

    `cuts` are totals of bytes, over all connections, by direction ("up" to the server, "down" to the client): once
    so many have been passed on, that connection is closed on both sides. What is passed on arrives; the rest of it
    does not. A number may stand with a function that is called at that moment, before the close.
    """

    def __init__(self, target, up=(), down=()):
        self.target = target
        self.cuts = {"up": [as_cut(c) for c in up], "down": [as_cut(c) for c in down]}
        self.passed = {"up": 0, "down": 0}
        self.made = 0  # cuts so far
        self.lock = threading.Lock()  # guards the three above
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return  # closed
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 30)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            threading.Thread(target=self.connect, args=(client, server), daemon=True).start()

    def connect(self, client, server):
        with client, server:
            back = threading.Thread(target=self.pump, args=(server, client, "down"), daemon=True)
            back.start()
            self.pump(client, server, "up")
            back.join()

    def pump(self, source, sink, direction):
        try:
            while data := source.recv(65536):
                with self.lock:
                    cuts, at = self.cuts[direction], self.passed[direction]
                    cut = cuts.pop(0) if cuts and at + len(data) >= cuts[0][0] else None
                    if cut:
                        data = data[:max(0, cut[0] - at)]
                        self.made += 1
                    self.passed[direction] += len(data)
                sink.sendall(data)
                if cut:
                    if cut[1]:
                        cut[1]()
                    break
        except OSError:
            pass  # the other direction has closed it
        for end in (sink, source):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def as_cut(cut):
    return cut if isinstance(cut, tuple) else (cut, None)
