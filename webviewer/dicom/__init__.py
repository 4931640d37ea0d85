"""What the standard says about pixels and space: pure functions on data sets and arrays. No files, network, GL."""
