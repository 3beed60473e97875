"""Federated training: FederatedSynthesizer simulates it, FederatedServer and FederatedClient run it across machines."""

from ..model import Model, Report
from .callbacks import Callback, CheckpointCallback, MetricsCallback, RoundCallback
from .client import FederatedClient
from .keys import make_paillier_key
from .server import FederatedServer
from .synthesizer import FederatedSynthesizer

__all__ = [
    "Callback",
    "CheckpointCallback",
    "FederatedClient",
    "FederatedServer",
    "FederatedSynthesizer",
    "MetricsCallback",
    "Model",
    "Report",
    "RoundCallback",
    "make_paillier_key",
]
