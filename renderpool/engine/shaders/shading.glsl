// Light on a sample: Phong with a lamp at the viewer's head, both sides of a surface alike. Expects volume.glsl, and with MASKED
// mask.glsl. CLIPPED: a box or a plane cuts the volume; with TURNED ray.glsl, which has the box's own space.
uniform mat3 u_lps_from_index_gradient; // the inverse transpose of the grid's matrix: normals are no positions
uniform vec4 u_shading;                 // ambient, diffuse, specular, shininess; ambient 1 and the rest 0 = none

#ifdef CLIPPED
uniform vec3 u_face_low; // of the clipping box; far away where it cuts nothing
uniform vec3 u_face_high;
uniform vec4 u_face_plane; // of the clipping plane: dot(xyz, p) + w is how far behind it a point is, in steps of the index

// From 0 a step before a face to 1 a step behind it.
float share_behind_faces(vec3 p_index) {
#ifdef TURNED
    vec3 p_box = (u_box_from_index * vec4(p_index, 1.0)).xyz;
#else
    vec3 p_box = p_index;
#endif
    vec3 low = clamp(0.5 + 0.5 * (p_box - u_face_low), 0.0, 1.0);
    vec3 high = clamp(0.5 + 0.5 * (u_face_high - p_box), 0.0, 1.0);
    vec3 box = low * high;
    return box.x * box.y * box.z * clamp(0.5 + 0.5 * (dot(u_face_plane.xyz, p_index) + u_face_plane.w), 0.0, 1.0);
}
#endif

// The face of a cut is lit as one: as if the lowest value were where something was cut away.
#ifdef PADDED
float left_at(vec3 p_index, out float share) {
    vec2 at = present_at(p_index);
    float stored = at.x;
    share = at.y;
#else
float left_at(vec3 p_index) {
    float stored = stored_at(p_index);
#endif
#ifdef MASKED
    stored *= share_kept_at(p_index);
#endif
#ifdef CLIPPED
    stored *= share_behind_faces(p_index);
#endif
    return stored;
}

// The ends of the volume are lit as faces too: the border goes on outside, and light would see nothing but noise along it. How
// steep they are, two steps deep, as a part of the value there.
vec3 steepness_of_ends(vec3 p_index) {
    return max(1.0 - 0.5 * (p_index + 0.5), 0.0) - max(1.0 - 0.5 * (u_volume_size - 0.5 - p_index), 0.0);
}

#ifdef PADDED
uniform float u_lowest_stored; // of the present voxels of the volume
const float ROUNDING = 1.0 / 64.0; // of a stored value: what a quotient is off, which would be a surface where nothing rises
const float DEPTH_GAIN = 4.0; // padding that is half of what is around a point, two voxels deep, is deep

// How deep padding lies beyond a point along an axis, 0 to 1: a single absent voxel is not.
float depth_along(vec3 p_index, vec3 step, float share) {
    return min(DEPTH_GAIN * (1.0 - share) * (1.0 - share_at(p_index + 2.0 * step)), 1.0);
}

// How far values rise along the axes, over two steps. Light does not see the number of padding: the absent part of what is
// around a point has the value of the middle, as if nothing changed there. Where padding is deep the volume ends: there it has
// the lowest value, so that the end is lit as a face.
vec3 rise_of_present(vec3 p_index) {
    float share;
    float middle = left_at(p_index, share);
    vec3 ahead;
    vec3 behind;
    vec3 share_ahead;
    vec3 share_behind;
    float deep = 0.0;
    for (int axis = 0; axis < 3; ++axis) {
        vec3 step = vec3(equal(ivec3(axis), ivec3(0, 1, 2)));
        ahead[axis] = left_at(p_index + step, share);
        share_ahead[axis] = share;
        deep = max(deep, depth_along(p_index, step, share));
        behind[axis] = left_at(p_index - step, share);
        share_behind[axis] = share;
        deep = max(deep, depth_along(p_index, -step, share));
    }
    vec3 absent = vec3(mix(middle, min(u_lowest_stored, middle), deep));
    vec3 rise = mix(absent, ahead, share_ahead) - mix(absent, behind, share_behind);
    return mix(vec3(0.0), rise, greaterThan(abs(rise), vec3(ROUNDING)));
}
#endif

// What light makes of a colour: colour * x + y.
vec2 light_at(float stored, vec3 p_index, vec3 direction_index) {
#ifdef UNSHADED
    return vec2(1.0, 0.0);
#else
#ifdef PADDED
    vec3 by_index = rise_of_present(p_index);
#else
    vec3 by_index = vec3(left_at(p_index + vec3(1.0, 0.0, 0.0)) - left_at(p_index - vec3(1.0, 0.0, 0.0)),
                         left_at(p_index + vec3(0.0, 1.0, 0.0)) - left_at(p_index - vec3(0.0, 1.0, 0.0)),
                         left_at(p_index + vec3(0.0, 0.0, 1.0)) - left_at(p_index - vec3(0.0, 0.0, 1.0)));
#endif
    by_index += stored * steepness_of_ends(p_index);
    float steepness = length(u_lps_from_index_gradient * by_index);
    // The change of values along the ray is the same number in every space. Where they do not change there is no surface: only
    // ambient light.
    float facing = steepness > 0.0 ? min(abs(dot(by_index, direction_index)) / steepness, 1.0) : 0.0;
    // Lamp and eye are one: the mirrored lamp is off the eye by twice the angle of the surface.
    float mirrored = max(2.0 * facing * facing - 1.0, 0.0);
    return vec2(u_shading.x + u_shading.y * facing, u_shading.z * pow(mirrored, u_shading.w));
#endif
}

vec3 shaded(vec3 colour, float stored, vec3 p_index, vec3 direction_index) {
    vec2 light = light_at(stored, p_index, direction_index);
    return colour * light.x + light.y;
}
