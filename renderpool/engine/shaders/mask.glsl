// What cuts left of a volume, of which t_kept has a bit a voxel: see volume_mask.py. Expects volume.glsl.
// A point counts as left where the trilinear share of voxels that are is at least a half: faces of cuts run smoothly between
// voxels, not along their sides.
uniform usampler3D t_kept; // (column of words, row of words, slice)

#include "bits.glsl"

// The share of the eight voxels around a point that are left, trilinear.
float share_kept_at(vec3 p_index) {
    vec3 p = clamp(p_index, vec3(0.0), u_volume_size - 1.0);
    vec3 base = floor(p);
    return share_of(t_kept, base, p - base);
}

bool is_kept(vec3 p_index) {
    return share_kept_at(p_index) >= 0.5;
}
