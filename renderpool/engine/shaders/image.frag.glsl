#version 330 core
// About this technique: each canvas pixel is taken back into the image (u_image_from_canvas). Where the image is magnified, one
// sample is taken there. Where it is minified, SAMPLES × SAMPLES samples at (i + 0.5) / u_samples of the pixel are averaged, so
// that thin bright structures do not vanish between samples. Averages are of modality values; the window comes after, as the
// standard's chain has it. A pixel whose centre lies outside the image is black, whatever the window.
// PADDED: the second channel is 1 where a pixel is present, else 0, and the first one 0. What is absent takes no part in values
// between pixels; where less than a half is present the picture is black as outside of it.
// FIXED_SAMPLES is their number where the program is for that one only (software runs both sides of a branch), else 0.
#ifndef FIXED_SAMPLES
#define FIXED_SAMPLES 0
#endif
#if FIXED_SAMPLES == 0
uniform int u_samples;
#define SAMPLES u_samples
#else
#define SAMPLES FIXED_SAMPLES
#endif

uniform sampler2D t_image;
uniform mat3 u_image_from_canvas;
uniform vec2 u_image_size;
uniform bool u_inverted;

#include "sampling.glsl"
#ifndef COLOUR
#include "voi.glsl"
#endif

out vec4 out_color;

void main() {
    // Row 0 of the framebuffer is the top of the canvas: what is read back needs no turning over.
    vec2 p_canvas = gl_FragCoord.xy;
    vec2 middle = (u_image_from_canvas * vec3(p_canvas, 1.0)).xy;
    bool outside = any(lessThan(middle, vec2(0.0))) || any(greaterThanEqual(middle, u_image_size));
    vec4 value = vec4(0.0);
#if FIXED_SAMPLES == 1
    value = sample_image(middle);
#else
    vec2 step_x = u_image_from_canvas[0].xy / float(SAMPLES);
    vec2 step_y = u_image_from_canvas[1].xy / float(SAMPLES);
    vec2 start = middle - 0.5 * float(SAMPLES - 1) * (step_x + step_y);
    for (int row = 0; row < SAMPLES; ++row) {
        for (int column = 0; column < SAMPLES; ++column) {
            value += sample_image(start + float(column) * step_x + float(row) * step_y);
        }
    }
    value /= float(SAMPLES * SAMPLES);
#endif
#ifdef PADDED
    outside = outside || value.g < 0.5;
    value.r /= max(value.g, 1e-6);
#endif
#ifdef COLOUR
    vec3 shade = value.rgb;
#else
    vec3 shade = vec3(grey_from_value(value.r));
#endif
    if (u_inverted) {
        shade = 1.0 - shade;
    }
    out_color = vec4(outside ? vec3(0.0) : shade, 1.0);
}
