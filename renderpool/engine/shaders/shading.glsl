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
float left_at(vec3 p_index) {
    float stored = stored_at(p_index);
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

vec3 shaded(vec3 colour, float stored, vec3 p_index, vec3 direction_index) {
#ifdef UNSHADED
    return colour;
#else
    vec3 by_index = vec3(left_at(p_index + vec3(1.0, 0.0, 0.0)) - left_at(p_index - vec3(1.0, 0.0, 0.0)),
                         left_at(p_index + vec3(0.0, 1.0, 0.0)) - left_at(p_index - vec3(0.0, 1.0, 0.0)),
                         left_at(p_index + vec3(0.0, 0.0, 1.0)) - left_at(p_index - vec3(0.0, 0.0, 1.0)));
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
