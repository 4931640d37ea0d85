// Values of a volume at a point in index space: (column, row, slice), integers at voxel centres. Outside, the border goes on.
// VolumeTexture.set_uniforms sets the uniforms. Stored values are 0 to 65535, value = stored * slope + intercept.
// INTERPOLATE_EXACT takes eight texels itself: the filter of hardware has 8-bit weights (neighbours 4000 HU apart: 8 HU off);
// Mesa's software filters in float32, exactly and three times as fast. INTERPOLATE_NEAREST takes the nearest voxel as it is.
uniform sampler3D t_volume;
uniform vec3 u_volume_size;
uniform vec3 u_texture_from_index; // 1 / size: software divides slowly
uniform float u_value_slope;
uniform float u_value_intercept;

// R16 is read as 0 to 1; its 1 is 65535, not 65536.
const float STORED_MAX = 65535.0;

float stored_of_voxel(ivec3 voxel) {
    return STORED_MAX * texelFetch(t_volume, clamp(voxel, ivec3(0), textureSize(t_volume, 0) - 1), 0).r;
}

#if defined(INTERPOLATE_NEAREST)
float stored_at(vec3 p_index) {
    return stored_of_voxel(ivec3(floor(p_index + 0.5)));
}
#elif defined(INTERPOLATE_EXACT)
float stored_at(vec3 p_index) {
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
float stored_at(vec3 p_index) {
    return STORED_MAX * textureLod(t_volume, (p_index + 0.5) * u_texture_from_index, 0.0).r;
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
