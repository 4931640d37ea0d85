"""The storage node's internal HTTP: for the control node and render nodes, which prove themselves by the token."""

from dicom_gateway.api.app import create_api
from dicom_gateway.api.parts import ApiParts, make_parts
from dicom_gateway.api.server import serve

__all__ = ["ApiParts", "create_api", "make_parts", "serve"]
