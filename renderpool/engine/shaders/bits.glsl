// A bit for each voxel of a volume, packed as volume_mask.py has it. Expects u_volume_size. Included by more than one file.
#ifndef BITS
#define BITS
#ifdef CHUNKS
uniform vec2 u_mask_block; // slices, columns of words: slices beyond the last one lie on the right of the block before
#endif

const vec2 VOXELS_OF_WORD = vec2(7.0, 3.0); // columns, rows

// word: (column of words, row of words)
uint word_of(usampler3D bits, vec2 word, float slice) {
#ifdef CHUNKS
    float block = floor((slice + 0.5) / u_mask_block.x);
    return texelFetch(bits, ivec3(word.x + block * u_mask_block.y, word.y, slice - block * u_mask_block.x), 0).r;
#else
    return texelFetch(bits, ivec3(word, slice), 0).r;
#endif
}

// The trilinear share of set bits among the eight voxels from base on; base lies in the volume.
float share_of(usampler3D bits, vec3 base, vec3 weight) {
    vec2 word = floor((base.xy + 0.5) / VOXELS_OF_WORD);
    vec2 in_word = base.xy - word * VOXELS_OF_WORD;
    uint bit = uint(in_word.x + 8.0 * in_word.y);
    uvec2 words =
        uvec2(word_of(bits, word, base.z), word_of(bits, word, min(base.z + 1.0, u_volume_size.z - 1.0))) >> bit;
    // Of (row, slice): low low, high low, low high, high high.
    uvec4 bits_of_rows = uvec4(words.x, words.x >> 8u, words.y, words.y >> 8u);
    vec4 four = mix(vec4(bits_of_rows & 1u), vec4((bits_of_rows >> 1u) & 1u), weight.x);
    vec2 two = mix(four.xz, four.yw, weight.y);
    return mix(two.x, two.y, weight.z);
}
#endif
