// What cuts left of a volume, of which t_kept has a bit a voxel: see volume_mask.py. Expects volume.glsl.
// A point counts as left where the trilinear share of voxels that are is at least a half: faces of cuts run smoothly between
// voxels, not along their sides.
uniform usampler3D t_kept; // (byte of the row, row, slice)

const float COLUMNS_OF_BYTE = 7.0;

// The share of the eight voxels around a point that are left, trilinear.
float share_kept_at(vec3 p_index) {
    vec3 p = clamp(p_index, vec3(0.0), u_volume_size - 1.0);
    vec3 base = floor(p);
    vec3 weight = p - base;
    float byte_of_row = floor((base.x + 0.5) / COLUMNS_OF_BYTE);
    uint bit = uint(base.x - COLUMNS_OF_BYTE * byte_of_row);
    ivec3 low = ivec3(byte_of_row, base.yz);
    ivec2 high = min(low.yz + 1, ivec2(u_volume_size.yz) - 1);
    // Of (row, slice): low low, high low, low high, high high.
    uvec4 bits = uvec4(texelFetch(t_kept, low, 0).r, texelFetch(t_kept, ivec3(low.x, high.x, low.z), 0).r,
                       texelFetch(t_kept, ivec3(low.xy, high.y), 0).r, texelFetch(t_kept, ivec3(low.x, high), 0).r) >> bit;
    vec4 four = mix(vec4(bits & 1u), vec4((bits >> 1u) & 1u), weight.x);
    vec2 two = mix(four.xz, four.yw, weight.y);
    return mix(two.x, two.y, weight.z);
}

bool is_kept(vec3 p_index) {
    return share_kept_at(p_index) >= 0.5;
}
