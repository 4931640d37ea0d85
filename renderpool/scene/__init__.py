"""Camera and view arithmetic and grey maps, pure NumPy: no OpenGL, no messages, no time."""
