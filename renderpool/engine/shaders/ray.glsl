// The ray of a pixel in index space, and which of its samples lie in the box and before the clipping plane. TURNED: the box is
// turned. Expects volume.glsl.
uniform mat3 u_origin_from_canvas;
uniform mat3 u_direction_from_canvas;
uniform float u_nearest_mm;    // behind it nothing is seen
uniform mat3 u_lps_from_index; // of directions
uniform vec3 u_box_low;
uniform vec3 u_box_high;
#ifdef TURNED
uniform mat4 u_box_from_index; // of a box that is turned: its ends are in this space. Rows have length 1 over (column, row, slice)
#endif
uniform vec4 u_plane_index;    // what is kept: dot(plane.xyz, p) + plane.w >= 0
uniform float u_step_mm;
uniform float u_jitter;
uniform float u_phase;

struct Ray {
    vec3 start;     // sample 0
    vec3 step;      // from sample to sample
    vec3 direction; // index units a mm
    float first;    // samples first <= i < end are in
    float end;
};

// A grain without visible order, the same in every picture (interleaved gradient noise, Jimenez 2014).
float grain(vec2 p_canvas) {
    return fract(52.9829189 * fract(dot(floor(p_canvas), vec2(0.06711056, 0.00583715))));
}

Ray ray_of_canvas(vec2 p_canvas) {
    Ray ray;
    vec3 origin = u_origin_from_canvas * vec3(p_canvas, 1.0);
    vec3 direction = u_direction_from_canvas * vec3(p_canvas, 1.0);
    direction /= length(u_lps_from_index * direction);
    // A ray along a face has no crossing with it: far away is as good.
    direction = mix(direction, vec3(1e-10), lessThan(abs(direction), vec3(1e-10)));
#ifdef TURNED
    vec3 box_origin = (u_box_from_index * vec4(origin, 1.0)).xyz;
    vec3 box_direction = mat3(u_box_from_index) * direction;
    box_direction = mix(box_direction, vec3(1e-10), lessThan(abs(box_direction), vec3(1e-10)));
    vec3 to_box_low = (u_box_low - box_origin) / box_direction;
    vec3 to_box_high = (u_box_high - box_origin) / box_direction;
    vec3 to_low = (-0.5 - origin) / direction;
    vec3 to_high = (u_volume_size - 0.5 - origin) / direction;
    vec3 entries = max(min(to_low, to_high), min(to_box_low, to_box_high));
    vec3 exits = min(max(to_low, to_high), max(to_box_low, to_box_high));
#else
    vec3 to_low = (u_box_low - origin) / direction;
    vec3 to_high = (u_box_high - origin) / direction;
    vec3 entries = min(to_low, to_high);
    vec3 exits = max(to_low, to_high);
#endif
    float entry_mm = max(max(max(entries.x, entries.y), entries.z), u_nearest_mm);
    float exit_mm = min(min(exits.x, exits.y), exits.z);
    float shift = fract(grain(p_canvas) * u_jitter + u_phase);
    ray.direction = direction;
    ray.step = direction * u_step_mm;
    ray.start = origin + direction * (entry_mm + shift * u_step_mm);
    ray.first = 0.0;
    ray.end = floor((exit_mm - entry_mm) / u_step_mm - shift) + 1.0;
    float kept = dot(u_plane_index.xyz, ray.start) + u_plane_index.w;
    float toward = dot(u_plane_index.xyz, ray.step);
    if (toward > 0.0) {
        ray.first = max(ray.first, ceil(-kept / toward));
    } else if (toward < 0.0) {
        ray.end = min(ray.end, floor(-kept / toward) + 1.0);
    } else if (kept < 0.0) {
        ray.end = 0.0;
    }
    return ray;
}
