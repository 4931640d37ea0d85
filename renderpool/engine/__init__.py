"""The only place that calls OpenGL.

::

    device.py    EGL devices and the context that is current in one thread
    shaders/     GLSL files: .vert.glsl, .frag.glsl, plain .glsl = include; `#include "x.glsl"` and `#define` only
    program.py   files → program; ShaderError names file and line
    textures.py  modality values (R32F) and colour (RGB8) as textures, least recently used goes first
    renderer.py  picture + view + grey map → pixels
    encode.py    pixels → PNG or JPEG (no GL)

Above this everything is plain data: arrays, `scene.view.ResolvedView`, `scene.grey.GreyMap`.
"""
