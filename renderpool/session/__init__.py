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

    volume_cache.py, volume_store.py   volumes of all sessions; volume_load.py loads one, loaded_volume.py is one
    volume_presence.py  which voxels of a volume are no padding
    volume_edits.py     what edits leave of a volume: volume_cut*.py, each kind of them

    session.py    one connection: messages in, pictures out; flight.py counts what is on its way
    cell.py       one window: wish, revision, rest; image_cell.py and volume_cell.py, what each waits for
    asking.py     questions and their answers; series_asking.py, new series
    cell_edits.py the edits of a cell and their mask

    scheduler.py  the one thread that draws, and those that encode
    picture_queue.py, turns.py  which part of which picture is next
    painters.py   all that draws; singles.py, what is drawn between the pictures of sessions
    workers.py    threads for what takes a while
"""
