"""Remove one thing of AWS at a time, by its exact name or id; what is not there counts as removed.

Each function returns a sentence on what it did, or None where nothing was there. Errors of AWS rise:
teardown and cleanup go on with the next thing, and report.
"""

from __future__ import annotations
