"""The render node: draws pictures with OpenGL and streams them to browsers.

::

    main ──► server ──► session ──► engine ──► scene
    process  HTTP, WS   views,      the only   camera arithmetic and
                        caches,     OpenGL     grey maps; no GL, no I/O
                        scheduler

One thread, and only that one, calls OpenGL (`engine.renderer` is made and used there). The event loop thread owns
sockets and sessions; worker threads fetch and decode. They meet in `session.scheduler` (what to draw next; latest wish
wins) and in `session.images` (decoded frames).
"""
