"""The only place that calls OpenGL.

::

    device.py    the context that is current in one thread, and which device it is on
    egl.py, glfw_window.py  two ways to draw off screen, behind devices.py; gl.way() says which one this process has
    shaders/     GLSL files: .vert.glsl, .frag.glsl, plain .glsl = include; `#include "x.glsl"` and `#define` only
    program.py   files → program; ShaderError names file and line
    textures.py  modality values (R32F; RG32F if padded) and colour (RGB8) as textures, least recently used goes first
    renderer.py  picture + view + grey map → pixels
    encode.py    pixels → PNG or JPEG (no GL)

    volume_texture.py  stored values of a volume as 3D textures, filled slab by slab; shaders/volume.glsl reads them
    presence_texture.py  which voxels are no padding, as bits; shaders/presence.glsl reads them
    chunks.py          how a volume is cut that the device does not take in one texture (no GL)
    slab_renderer.py   volume + canvas on a plane + slab + grey map → pixels, or values
    parts.py           parts of a canvas
    bricks.py          ranges of 8³ bricks and distances between those that show something (no GL)
    rays.py            what a ray caster is asked for: look, view, rays (no GL)
    ray_caster.py      volume + look + view → pixels, or the point that is picked; shaders/ray_cast.frag.glsl
    field_texture.py   its small textures: facts of bricks, tables of colours
    refinement.py      a picture at rest, finer with every pass (no GL)

Above this everything is plain data: arrays, `scene.view.ResolvedView`, `scene.grey.GreyMap`.
"""
