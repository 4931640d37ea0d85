"""Tests that speak DICOM over the network to a real storage node."""
