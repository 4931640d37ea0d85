"""What the pages do with planes and cameras, said in Python: the contract's fixtures are written from it.

The geometry is the browser's, no part of the server uses this. ``tests/contract/planes.py`` and ``cameras.py`` write
what it comes to, and the pages' own tests are held to that; that it is right is proven beside them.
"""
