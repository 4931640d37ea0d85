// What cuts left of a volume, of which t_kept has a bit a voxel: see volume_mask.py. Expects volume.glsl.
// A point counts as left where the trilinear share of voxels that are is at least a half: faces of cuts run smoothly between
// voxels, not along their sides.
uniform usampler3D t_kept; // (column of words, row of words, slice)
#ifdef CHUNKS
uniform vec2 u_mask_block; // slices, columns of words: slices beyond the last one lie on the right of the block before
#endif

const vec2 VOXELS_OF_WORD = vec2(7.0, 3.0); // columns, rows

uint word_of(vec2 word, float slice) {
#ifdef CHUNKS
    float block = floor((slice + 0.5) / u_mask_block.x);
    return texelFetch(t_kept, ivec3(word.x + block * u_mask_block.y, word.y, slice - block * u_mask_block.x), 0).r;
#else
    return texelFetch(t_kept, ivec3(word, slice), 0).r;
#endif
}

// The share of the eight voxels around a point that are left, trilinear.
float share_kept_at(vec3 p_index) {
    vec3 p = clamp(p_index, vec3(0.0), u_volume_size - 1.0);
    vec3 base = floor(p);
    vec3 weight = p - base;
    vec2 word = floor((base.xy + 0.5) / VOXELS_OF_WORD);
    vec2 in_word = base.xy - word * VOXELS_OF_WORD;
    uint bit = uint(in_word.x + 8.0 * in_word.y);
    uvec2 words = uvec2(word_of(word, base.z), word_of(word, min(base.z + 1.0, u_volume_size.z - 1.0))) >> bit;
    // Of (row, slice): low low, high low, low high, high high.
    uvec4 bits = uvec4(words.x, words.x >> 8u, words.y, words.y >> 8u);
    vec4 four = mix(vec4(bits & 1u), vec4((bits >> 1u) & 1u), weight.x);
    vec2 two = mix(four.xz, four.yw, weight.y);
    return mix(two.x, two.y, weight.z);
}

bool is_kept(vec3 p_index) {
    return share_kept_at(p_index) >= 0.5;
}
