#version 330 core
// About this technique: each canvas pixel is taken into the volume (u_index_from_canvas), and along the plane's normal samples
// stand at even distances (u_first_mm, u_part_mm): one of a plane, more of a slab, of which the largest, the smallest or the
// average counts. Only samples inside the volume do; a pixel without any is black, whatever the window. Where the canvas is
// coarser than the voxels, SAMPLES × SAMPLES places at (i + 0.5) / SAMPLES of the pixel are averaged, as image.frag.glsl has it.
// Averages are of modality values; the window comes after, as the standard's chain has it.
// SLAB_MODE: 0 plane, 1 maximum, 2 minimum, 3 average, of stored values. FIXED_SAMPLES is the number of places where the
// program is for that one only (software runs both sides of a branch), else 0. NUMBERS gives the stored value instead of a grey,
// and whether there is one.
#ifndef FIXED_SAMPLES
#define FIXED_SAMPLES 0
#endif
#if FIXED_SAMPLES == 0
uniform int u_samples;
#define SAMPLES u_samples
#else
#define SAMPLES FIXED_SAMPLES
#endif

uniform mat4 u_index_from_canvas; // of (x, y, mm along the normal, 1)
#ifndef NUMBERS
uniform bool u_inverted;
#endif
#if SLAB_MODE != 0
uniform float u_first_mm;
uniform float u_part_mm;
uniform float u_last_part; // number of the last sample, counted from 0
#endif

#ifdef PADDED
#include "presence.glsl"
#endif
#include "volume.glsl"
#ifndef NUMBERS
#include "voi.glsl"
#endif

out vec4 out_color;

#if SLAB_MODE == 0
// (stored value, whether there is one)
vec2 stored_of_slab(vec3 p_index) {
#ifdef PADDED
    vec2 found = present_at(p_index);
    return vec2(found.x, found.y >= HALF && inside_volume(p_index) ? 1.0 : 0.0);
#else
    return vec2(stored_at(p_index), inside_volume(p_index) ? 1.0 : 0.0);
#endif
}
#else
// What changes no result.
#if SLAB_MODE == 2
const float NOTHING = STORED_MAX;
#else
const float NOTHING = 0.0;
#endif

vec2 stored_of_slab(vec3 p_index) {
    vec3 away = u_index_from_canvas[2].xyz;
    // Which samples lie between the faces; along a face far away is as good as never.
    vec3 part = mix(away, vec3(1e-10), lessThan(abs(away), vec3(1e-10))) * u_part_mm;
    vec3 first_index = p_index + away * u_first_mm;
    vec3 to_low = (vec3(-0.5) - first_index) / part;
    vec3 to_high = (u_volume_size - 0.5 - first_index) / part;
    vec3 entries = min(to_low, to_high);
    vec3 exits = max(to_low, to_high);
    float entry = ceil(max(max(max(entries.x, entries.y), entries.z), 0.0));
    float last = floor(min(min(min(exits.x, exits.y), exits.z), u_last_part));
    float found = NOTHING;
#ifdef PADDED
    float count = 0.0;
#else
    float count = last - entry + 1.0;
#endif
    for (float number = entry; number <= last; number += 1.0) {
#ifdef PADDED
        vec2 at = present_at(first_index + number * part);
        bool counts = at.y >= HALF;
        count += counts ? 1.0 : 0.0;
        float stored = counts ? at.x : NOTHING;
#else
        float stored = stored_at(first_index + number * part);
#endif
#if SLAB_MODE == 1
        found = max(found, stored);
#elif SLAB_MODE == 2
        found = min(found, stored);
#else
        found += stored;
#endif
    }
#if SLAB_MODE == 3
    found /= max(count, 1.0);
#endif
    return vec2(found, count > 0.0 ? 1.0 : 0.0);
}
#endif

vec3 index_of(vec2 p_canvas) {
    return (u_index_from_canvas * vec4(p_canvas, 0.0, 1.0)).xyz;
}

void main() {
    // Row 0 of the framebuffer is the top of the canvas: what is read back needs no turning over.
    vec2 p_canvas = gl_FragCoord.xy;
#if FIXED_SAMPLES == 1
    vec2 found = stored_of_slab(index_of(p_canvas));
    bool outside = found.y == 0.0;
#else
    vec2 found = vec2(0.0);
    for (int row = 0; row < SAMPLES; ++row) {
        for (int column = 0; column < SAMPLES; ++column) {
            vec2 place = (vec2(column, row) + 0.5) / float(SAMPLES) - 0.5;
            vec2 one = stored_of_slab(index_of(p_canvas + place));
            found += vec2(one.x * one.y, one.y);
        }
    }
    // A pixel shows something where at least half of it does.
    bool outside = 2.0 * found.y < float(SAMPLES * SAMPLES);
    found.x /= max(found.y, 1.0);
#endif
#ifdef NUMBERS
    out_color = vec4(found.x, outside ? 0.0 : 1.0, 0.0, 1.0);
#else
    float shade = grey_from_value(value_from_stored(found.x));
    shade = u_inverted ? 1.0 - shade : shade;
    out_color = vec4(vec3(outside ? 0.0 : shade), 1.0);
#endif
}
