"""The domain that every node shares: no Flask, no OpenGL, no DIMSE, no Kubernetes in here."""

__version__ = "1.0.0"
