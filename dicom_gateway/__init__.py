"""The storage node: takes objects over DIMSE and uploads, keeps files and index, answers over internal HTTP."""
