"""What developers and `make` run; nothing imports it."""
