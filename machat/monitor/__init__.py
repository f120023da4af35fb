"""
Health checks and metrics over HTTP: C{/metrics} for Prometheus, C{/healthz}, C{/readyz}, C{/rooms}
and C{/sanctions}.
"""

from machat.monitor.service import Monitor

__all__ = ["Monitor"]
