// Which voxels of a volume are present, of which t_present has a bit a voxel; the others are padding and hold 0. A value
// between voxels is that of the present ones alone, by their weights; a sample counts where the share of present voxels is at
// least a half. VolumeTexture sets the uniforms.
uniform vec3 u_volume_size;
uniform vec3 u_texture_size; // voxels of a texture along each axis
uniform usampler3D t_present; // (column of words, row of words, slice)

#include "bits.glsl"

// At least a half, as far as float32 tells: a plane half way between voxels must not be there in one pixel and gone in the next.
const float HALF = 0.4999;

// The share around a point of a texture, of which the voxel `corner` is the first. The weights are those of the filter,
// computed in its own steps: a value and its share must not come from different ones.
float share_present_of(vec3 p_texture, vec3 corner) {
    vec3 p = clamp(p_texture * u_texture_size - 0.5, vec3(0.0), u_texture_size - 1.0);
    vec3 base = floor(p);
    return share_of(t_present, min(base + corner, u_volume_size - 1.0), p - base);
}

// What is left of a filtered value when absent voxels, which are 0 in it, take no part.
float value_of_present(float filtered, float share) {
    return share < 1.0 ? filtered / max(share, 1e-6) : filtered;
}
