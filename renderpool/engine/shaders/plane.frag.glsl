#version 330 core
// About this technique: what slab.frag.glsl does for the commonest picture, a plane with one place a pixel and a linear window,
// in a third of the arithmetic: for software, which filters exactly. Places come interpolated, in the texture's own space, and
// window, rescale and inversion are one line (u_grey: value at the line's fixed point, slope, grey at the fixed point).
uniform sampler3D t_volume;
uniform vec3 u_grey;
#ifdef PADDED
#include "presence.glsl"
#endif

noperspective in vec3 p_texture;

out vec4 out_color;

void main() {
    float stored = textureLod(t_volume, p_texture, 0.0).r;
    vec3 from_middle = abs(p_texture - 0.5);
    bool inside = max(max(from_middle.x, from_middle.y), from_middle.z) <= 0.5;
#ifdef PADDED
    float share = share_present_of(p_texture, vec3(0.0));
    stored = value_of_present(stored, share);
    inside = inside && share >= HALF;
#endif
    out_color = vec4(inside ? clamp((stored - u_grey.x) * u_grey.y + u_grey.z, 0.0, 1.0) : 0.0);
}
