// Values of a volume at a point in index space: (column, row, slice), integers at voxel centres. Outside, the border goes on.
// VolumeTexture.set_uniforms sets the uniforms. Stored values are 0 to 65535, value = stored * slope + intercept.
// INTERPOLATE_EXACT takes eight texels itself: the filter of hardware has 8-bit weights (neighbours 4000 HU apart: 8 HU off);
// Mesa's software filters in float32, exactly and three times as fast. INTERPOLATE_NEAREST takes the nearest voxel as it is.
// CHUNKS: in so many textures the volume lies, as chunks.py cuts it. PADDED: some voxels are absent; expects presence.glsl.
#ifndef PADDED // else presence.glsl has it
uniform vec3 u_volume_size;
#endif
uniform vec3 u_texture_from_index; // 1 / size of a texture: software divides slowly
uniform float u_value_slope;
uniform float u_value_intercept;

// R16 is read as 0 to 1; its 1 is 65535, not 65536.
const float STORED_MAX = 65535.0;

#ifdef CHUNKS
uniform sampler3D t_chunks[CHUNKS];
uniform vec3 u_chunk_counts;
uniform vec3 u_chunk_cells; // voxels from one chunk to the next; the last layer of a chunk is the first of the next

vec3 chunk_of(vec3 p_index) {
    return min(floor(p_index / u_chunk_cells), u_chunk_counts - 1.0);
}

int chunk_number(vec3 chunk) {
    return int(chunk.x + u_chunk_counts.x * (chunk.y + u_chunk_counts.y * chunk.z));
}

float texel_of(vec3 p_index) {
    vec3 chunk = chunk_of(p_index);
    ivec3 local = ivec3(p_index - chunk * u_chunk_cells + 0.5);
    int number = chunk_number(chunk);
    float texel = texelFetch(t_chunks[0], local, 0).r;
    texel = number == 1 ? texelFetch(t_chunks[1], local, 0).r : texel;
#if CHUNKS > 2
    texel = number == 2 ? texelFetch(t_chunks[2], local, 0).r : texel;
#endif
#if CHUNKS > 3
    texel = number == 3 ? texelFetch(t_chunks[3], local, 0).r : texel;
#endif
    return texel;
}

#ifdef PADDED
float share_at(vec3 p_index) {
    vec3 held = clamp(p_index, vec3(0.0), u_volume_size - 1.0);
    vec3 corner = chunk_of(held) * u_chunk_cells;
    return share_present_of((held - corner + 0.5) * u_texture_from_index, corner);
}
#endif

float filtered_at(vec3 p_index) {
    vec3 held = clamp(p_index, vec3(0.0), u_volume_size - 1.0); // a chunk may be longer than what is in it
    vec3 chunk = chunk_of(held);
    vec3 p_texture = (held - chunk * u_chunk_cells + 0.5) * u_texture_from_index;
    int number = chunk_number(chunk);
    float found = textureLod(t_chunks[0], p_texture, 0.0).r;
    found = number == 1 ? textureLod(t_chunks[1], p_texture, 0.0).r : found;
#if CHUNKS > 2
    found = number == 2 ? textureLod(t_chunks[2], p_texture, 0.0).r : found;
#endif
#if CHUNKS > 3
    found = number == 3 ? textureLod(t_chunks[3], p_texture, 0.0).r : found;
#endif
    return found;
}
#else
uniform sampler3D t_volume;

float texel_of(vec3 p_index) {
    return texelFetch(t_volume, ivec3(p_index), 0).r;
}

float filtered_at(vec3 p_index) {
    return textureLod(t_volume, (p_index + 0.5) * u_texture_from_index, 0.0).r;
}

#ifdef PADDED
float share_at(vec3 p_index) {
    return share_present_of((p_index + 0.5) * u_texture_from_index, vec3(0.0));
}
#endif
#endif

float stored_of_voxel(ivec3 voxel) {
    return STORED_MAX * texel_of(clamp(vec3(voxel), vec3(0.0), u_volume_size - 1.0));
}

#if defined(INTERPOLATE_NEAREST)
float blended_at(vec3 p_index) {
    return stored_of_voxel(ivec3(floor(p_index + 0.5)));
}
#elif defined(INTERPOLATE_EXACT)
float blended_at(vec3 p_index) {
    vec3 base = floor(p_index);
    vec3 weight = p_index - base;
    ivec3 low = ivec3(base);
    vec4 near_slice = vec4(stored_of_voxel(low), stored_of_voxel(low + ivec3(1, 0, 0)),
                           stored_of_voxel(low + ivec3(0, 1, 0)), stored_of_voxel(low + ivec3(1, 1, 0)));
    vec4 far_slice = vec4(stored_of_voxel(low + ivec3(0, 0, 1)), stored_of_voxel(low + ivec3(1, 0, 1)),
                          stored_of_voxel(low + ivec3(0, 1, 1)), stored_of_voxel(low + ivec3(1, 1, 1)));
    vec4 four = mix(near_slice, far_slice, weight.z);
    vec2 two = mix(four.xy, four.zw, weight.y);
    return mix(two.x, two.y, weight.x);
}
#else
float blended_at(vec3 p_index) {
    return STORED_MAX * filtered_at(p_index);
}
#endif

#ifdef PADDED
// (stored value, share of what is around the point that is present); the value means nothing where the share is 0.
vec2 present_at(vec3 p_index) {
#if defined(INTERPOLATE_NEAREST)
    float share = share_of(t_present, clamp(floor(p_index + 0.5), vec3(0.0), u_volume_size - 1.0), vec3(0.0));
#elif defined(INTERPOLATE_EXACT)
    vec3 p = clamp(p_index, vec3(0.0), u_volume_size - 1.0);
    vec3 base = floor(p);
    float share = share_of(t_present, base, p - base);
#else
    float share = share_at(p_index);
#endif
    return vec2(value_of_present(blended_at(p_index), share), share);
}

float stored_at(vec3 p_index) {
    return present_at(p_index).x;
}
#else
float stored_at(vec3 p_index) {
    return blended_at(p_index);
}
#endif

float value_from_stored(float stored) {
    return stored * u_value_slope + u_value_intercept;
}

float value_at(vec3 p_index) {
    return value_from_stored(stored_at(p_index));
}

// Whether a point lies in the volume: half a voxel beyond the centres of its outer voxels.
bool inside_volume(vec3 p_index) {
    return all(greaterThanEqual(p_index, vec3(-0.5))) && all(lessThanEqual(p_index, u_volume_size - 0.5));
}
