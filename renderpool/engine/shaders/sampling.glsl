// Values of the image at a point, in image space: (column, row) from the corner of the first pixel.
// Expects: t_image, and one of INTERPOLATE_NEAREST, INTERPOLATE_BILINEAR_SAMPLER, INTERPOLATE_BILINEAR_EXACT.

#ifdef INTERPOLATE_NEAREST
vec4 sample_image(vec2 p_image) {
    ivec2 size = textureSize(t_image, 0);
    return texelFetch(t_image, clamp(ivec2(floor(p_image)), ivec2(0), size - 1), 0);
}
#endif

#ifdef INTERPOLATE_BILINEAR_SAMPLER
// Mesa's software sampler filters float textures in float32: exact and fast.
vec4 sample_image(vec2 p_image) {
    return texture(t_image, p_image / vec2(textureSize(t_image, 0)));
}
#endif

#ifdef INTERPOLATE_BILINEAR_EXACT
// The filter of hardware has 8-bit weights: with neighbours 4000 HU apart and a window of 100 HU that is 40 grey levels.
vec4 sample_image(vec2 p_image) {
    ivec2 last = textureSize(t_image, 0) - 1;
    vec2 p_texel = p_image - 0.5;
    vec2 base = floor(p_texel);
    vec2 weight = p_texel - base;
    ivec2 low = clamp(ivec2(base), ivec2(0), last);
    ivec2 high = clamp(ivec2(base) + 1, ivec2(0), last);
    vec4 upper = mix(texelFetch(t_image, low, 0), texelFetch(t_image, ivec2(high.x, low.y), 0), weight.x);
    vec4 lower = mix(texelFetch(t_image, ivec2(low.x, high.y), 0), texelFetch(t_image, high, 0), weight.x);
    return mix(upper, lower, weight.y);
}
#endif
