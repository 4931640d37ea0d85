"""Viewers' sessions: what each wishes to see, decoded frames, and what is drawn next. No sockets, no OpenGL calls.

::

    source.py     port: where series and stored frames come from (the storage node)
    images.py     decoded frames, shared by all sessions: bounded, one load at a time for each
    prefetch.py   a series outwards from its current image
    painter.py    one frame + one wish → pixels and what the header says
    quality.py    how light a moving frame must be
    session.py    cells, revisions, acknowledgements
    scheduler.py  the one thread that draws
"""
