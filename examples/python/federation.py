"""A server and three clients in one process, as they would be on four machines: federation.py DATA.csv"""

import sys
import threading

import pandas as pd

from genesis.federated import FederatedClient, FederatedServer, MetricsCallback


def main(path: str) -> None:
    table = pd.read_csv(path)
    parts = [table.iloc[i::3] for i in range(3)]
    metrics = MetricsCallback()
    with FederatedServer(host="127.0.0.1", port=0, n_rounds=3, min_clients=3, callbacks=[metrics]).start(background=True) as server:
        clients = [FederatedClient(server.url, f"site-{i}", verbose=False) for i in range(3)]
        threads = [threading.Thread(target=client.train, args=(part,)) for client, part in zip(clients, parts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.wait()
        print(pd.DataFrame(metrics.rounds))
        print(server.generate(5))


if __name__ == "__main__":
    main(sys.argv[1])
