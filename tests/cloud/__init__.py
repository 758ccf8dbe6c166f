"""A stand-in for the cloud edition of Bitrix24, for imports from it and exports to it.

The real one cannot run here. This is written from its public documentation
(https://apidocs.bitrix24.com and its source), not from the box's own REST API: with its
limits, its oddities, and faults on demand.
"""
