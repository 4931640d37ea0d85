#version 330 core
// About this technique: one ray a pixel through the volume, sampled at entry + i * step for whole i, so that leaving samples out
// changes no other. Bricks of 8 x 8 x 8 voxels in which nothing shows are leapt over by their distance to the next one in which
// something does. Software runs both sides of a branch, and a loop as long as any of its eight or sixteen pixels needs it:
// therefore each pixel first goes on to its next sample that shows, in loops with little in them, and shading comes after.
// MODE: 0 composite, 1 maximum, 2 minimum, 3 average, 4 isosurface, as RayMode. UNSHADED: colours as in the table.
// MASKED: what cuts took away is not there. PADDED: nor are voxels that are padding. PARTIAL: either. CLIPPED: light knows the box and the plane. TURNED: the box is. PAIRED: faint neighbours share light. PICK: instead of a colour, the point (index space) that makes the most of it, and how much of the ray is covered.
#if defined(MASKED) || defined(PADDED)
#define PARTIAL
#endif
#ifdef PADDED
#include "presence.glsl"
#endif
#include "volume.glsl"
#include "ray.glsl"
#include "bricks.glsl"
#ifdef MASKED
#include "mask.glsl"
#endif
#if MODE == 0 || MODE == 4 || (MODE == 3 && defined(PARTIAL))
#include "skip.glsl"
#endif
#if MODE == 0 || MODE == 4
#include "shading.glsl"
#endif
#if MODE == 1 || MODE == 2
#include "extreme.glsl"
#endif

uniform vec3 u_background;
uniform sampler2D t_table;
uniform vec2 u_table_from_stored; // scale, offset
uniform vec2 u_shown;             // stored values between these, exclusive, have an opacity
uniform float u_enough_opacity;
uniform float u_iso_stored;

#ifdef PAIRED
const float FAINT_OPACITY = 0.01; // of one sample, as in faint_light.py
#endif

out vec4 out_color;

vec4 table_at(float stored) {
    return textureLod(t_table, vec2(stored * u_table_from_stored.x + u_table_from_stored.y, 0.5), 0.0);
}

void main() {
    Ray ray = ray_of_canvas(gl_FragCoord.xy);
    out_color = vec4(u_background, 1.0);
#if MODE == 0
    vec3 colour = vec3(0.0);
    float opacity = 0.0;
    float i = ray.first;
#ifdef PICK
    float largest = 0.0;
    float i_largest = i;
#endif
    BrickWalk walk = walk_of(ray);
    if (ray.first < ray.end) {
        do {
            float stored = next_shown(ray, walk, i, u_shown);
            vec4 sample_color = table_at(stored);
#ifdef PAIRED
            // Light is most of the work, and next to nothing of a faint sample: two of them have it of the point between them.
            vec4 next_color = table_at(stored_at(ray.start + (i + 1.0) * ray.step));
            bool is_pair = i + 1.0 < ray.end && max(sample_color.a, next_color.a) < FAINT_OPACITY;
            float share = i < ray.end ? (1.0 - opacity) * sample_color.a : 0.0;
            float next_share = is_pair ? (1.0 - opacity - share) * next_color.a : 0.0;
            vec2 light = light_at(stored, ray.start + (i + (is_pair ? 0.5 : 0.0)) * ray.step, ray.direction);
            colour += light.x * (share * sample_color.rgb + next_share * next_color.rgb) + light.y * (share + next_share);
            opacity += share + next_share;
            i += is_pair ? 2.0 : 1.0;
#else
            vec3 lit = shaded(sample_color.rgb, stored, ray.start + i * ray.step, ray.direction);
            float share = i < ray.end ? (1.0 - opacity) * sample_color.a : 0.0;
#ifdef PICK
            i_largest = share > largest ? i : i_largest;
            largest = max(share, largest);
#endif
            colour += share * lit;
            opacity += share;
            i += 1.0;
#endif
        } while (i < ray.end && opacity < u_enough_opacity);
    }
    out_color.rgb = colour + (1.0 - opacity) * u_background;
#ifdef PICK
    out_color = vec4(ray.start + i_largest * ray.step, opacity);
#endif
#elif MODE == 4
    float i = ray.first;
    if (i < ray.end) {
        next_shown(ray, walk_of(ray), i, u_shown);
    }
    if (i < ray.end) {
        vec3 p_index = surface_between(ray, i, u_iso_stored);
        out_color.rgb = shaded(table_at(u_iso_stored).rgb, u_iso_stored, p_index, ray.direction);
#ifdef PICK
        out_color.rgb = p_index;
    } else {
        out_color.a = 0.0;
#endif
    }
#else
    if (ray.first < ray.end) {
        bool is_seen = true;
#if MODE == 3 && defined(PARTIAL)
        float stored;
        is_seen = average_of(ray, stored);
#elif MODE == 3
        float sum = 0.0;
        float i = ray.first;
        do {
            sum += stored_at(ray.start + i * ray.step);
            i += 1.0;
        } while (i < ray.end);
        float stored = sum / (ray.end - ray.first);
#else
        float i_extreme = ray.first;
        float stored = extreme_of(ray, u_shown, i_extreme, is_seen);
#endif
        vec4 found = table_at(stored);
        found.a = is_seen ? found.a : 0.0;
        out_color.rgb = mix(u_background, found.rgb, found.a);
#if defined(PICK) && MODE != 3
        out_color = vec4(ray.start + i_extreme * ray.step, found.a);
    } else {
        out_color.a = 0.0;
#endif
    }
#endif
}
