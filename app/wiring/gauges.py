"""What a worker tells of itself when its metrics are read."""

from __future__ import annotations

from collections.abc import Mapping

from app import __version__
from app.adapters.file_spool import FileSpool
from app.domain.caps import Level
from app.domain.dead_letter import Tally
from app.telemetry.watched_models import WatchedModels
from app.web.parts import Parts


def gauges_of(parts: Parts, spool: FileSpool, tally: Tally, pools: Mapping[str, Level], watched: WatchedModels) -> tuple[dict[str, float], dict[str, str]]:
    """Gauges and infos, as of now."""
    content = parts.content_state
    troubled = set(parts.snapshot.runtime.troubles()) if parts.snapshot is not None else set[str]()
    troubled |= dict(content.kept).keys() if content is not None else set()
    gauges: dict[str, float] = {
        "inlay_requests_in_flight": parts.inflight, "inlay_store_breaker_open": float(parts.breaker.open),
        "inlay_spool_bytes": spool.size,
        "inlay_spool_oldest_seconds": max(0, parts.clock() - spool.oldest) / 1000 if spool.oldest is not None else 0,
        "inlay_dead_letters_held": tally.held, "inlay_dead_letters_trimmed": sum(tally.trimmed.values()),
        "inlay_content_problems": len(content.problems) if content is not None else 0, "inlay_models_broken": len(troubled),
    }
    for pool, level in pools.items():
        gauges[f"inlay_codes_left/{pool}"] = level.free
    gauges |= watched.gauges()
    served = {"inlay_content_info": parts.snapshot.version} if parts.snapshot is not None else {}
    return gauges, served | {"inlay_build_info": __version__}
