"""Viewers' sessions: what each wishes to see, decoded frames, and what is drawn next. No sockets, no OpenGL calls.

::

    source.py     port: where series and stored frames come from (the storage node)
    images.py     decoded frames, shared by all sessions: bounded, one load at a time for each
    prefetch.py   a series outwards from its current image
    painter.py    one frame + one wish → pixels and what the header says
    quality.py    how light a moving frame must be

    volume_painter.py   a volume + a wish → pixels in parts: plane_picture.py, camera_picture.py
    volume_textures.py  what is in the device of volumes
    volume_looks.py     windows and looks of wishes, as the engine takes them
    volume_facts.py     histogram, ranges and presets of a volume's values
    bands.py, light_size.py  parts of equal time; how small a moving picture must be

    session.py    cells, revisions, acknowledgements
    scheduler.py  the one thread that draws
"""
