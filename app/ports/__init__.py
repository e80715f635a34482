"""The seams: what the stories need of the world, as Protocols. `wiring` alone knows who fills them."""

from __future__ import annotations

from app.ports.access import Circuit, Fetch, KeyStore, Replays
from app.ports.bandits import BanditStore
from app.ports.clock import Clock
from app.ports.enrichment import Devices, Enrichment, Geography, LookupCache, PictureSource, ThirdParty
from app.ports.items import Catalogue, CatalogueStore
from app.ports.live import LiveStore, Timers
from app.ports.models import Model, ModelRuntime, Scorer
from app.ports.people import Compaction, ConsentLog, Holding, IdentityStore, ProfileStore, Sweeper, Synced, Tombstones
from app.ports.stocks import Sends, Stocks
from app.ports.streams import Checkpoints, DeadLetters, DecisionLog, EventSink, EventSource, Leases, Spool
from app.ports.wordings import Wordings

__all__ = [
    "BanditStore",
    "Catalogue",
    "CatalogueStore",
    "Checkpoints",
    "Circuit",
    "Clock",
    "Compaction",
    "ConsentLog",
    "DeadLetters",
    "DecisionLog",
    "Devices",
    "Enrichment",
    "EventSink",
    "EventSource",
    "Fetch",
    "Geography",
    "Holding",
    "IdentityStore",
    "KeyStore",
    "Leases",
    "LiveStore",
    "LookupCache",
    "Model",
    "ModelRuntime",
    "PictureSource",
    "ProfileStore",
    "Replays",
    "Scorer",
    "Sends",
    "Spool",
    "Stocks",
    "Sweeper",
    "Synced",
    "ThirdParty",
    "Timers",
    "Tombstones",
    "Wordings",
]
