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
const float ROUNDING = 1.0 / 64.0; // of a stored value: what a quotient is off, which would be a surface where nothing rises

// Along an axis: how far values rise over two steps, how far the share of present voxels does, and whether padding is two
// voxels deep on one side, 0 to 1. Light does not see the number of padding: where one side has nothing else, values go on
// there as they come from the other.
vec3 rise_along(float middle, vec3 p_index, vec3 axis) {
    float share_ahead;
    float share_behind;
    float ahead = left_at(p_index + axis, share_ahead);
    float behind = left_at(p_index - axis, share_behind);
    ahead = share_ahead > 0.0 ? ahead : 2.0 * middle - behind;
    behind = share_behind > 0.0 ? behind : 2.0 * middle - ahead;
    float rise = share_ahead > 0.0 || share_behind > 0.0 ? ahead - behind : 0.0;
    float deep_ahead = (1.0 - share_ahead) * (1.0 - share_at(p_index + 2.0 * axis));
    float deep_behind = (1.0 - share_behind) * (1.0 - share_at(p_index - 2.0 * axis));
    return vec3(abs(rise) > ROUNDING ? rise : 0.0, share_ahead - share_behind, max(deep_ahead, deep_behind));
}

// Where padding is deep the volume ends, which is lit as its outer ends are. A single absent voxel is no end.
vec3 rise_of_present(vec3 p_index) {
    float share;
    float middle = left_at(p_index, share);
    vec3 columns = rise_along(middle, p_index, vec3(1.0, 0.0, 0.0));
    vec3 rows = rise_along(middle, p_index, vec3(0.0, 1.0, 0.0));
    vec3 slices = rise_along(middle, p_index, vec3(0.0, 0.0, 1.0));
    float deep = max(max(columns.z, rows.z), slices.z);
    return vec3(columns.x, rows.x, slices.x) + middle * deep * vec3(columns.y, rows.y, slices.y);
}
#endif

vec3 shaded(vec3 colour, float stored, vec3 p_index, vec3 direction_index) {
#ifdef UNSHADED
    return colour;
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
    return colour * (u_shading.x + u_shading.y * facing) + u_shading.z * pow(mirrored, u_shading.w);
#endif
}
