"""The one wire contract between browser and render node: messages (JSON text) and frames (binary)."""
