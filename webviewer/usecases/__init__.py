"""What the product does: the only place that joins rooms and owns the transaction."""
