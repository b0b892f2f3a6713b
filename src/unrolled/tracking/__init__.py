"""Results into MLflow, and the dashboard that shows them; the only part that imports it.

One experiment per task, one flat run per run and learning rate, known by a hash of its results. What is there already is skipped, what
has changed takes the place of the old, what a killed process left half-done is done again; so a deleted or moved store heals by
mirroring once more.
"""

from unrolled.tracking.live import mirror_live
from unrolled.tracking.mirroring import Experiment, experiments, mirror, result_hash
from unrolled.tracking.store import TrackingError, is_server, open_store, store_uri

__all__ = ["Experiment", "TrackingError", "experiments", "is_server", "mirror", "mirror_live", "open_store", "result_hash", "store_uri"]
