// From a modality value to grey 0 to 1 (PS3.3 C.11.2.1). Expects VOI_FUNCTION: 0 LINEAR, 1 LINEAR_EXACT, 2 SIGMOID, 3 LUT.
uniform float u_window_center;
uniform float u_window_width;

#if VOI_FUNCTION == 3
// The table lies in rows of LUT_ROW entries, because it may be longer than a texture is wide.
uniform sampler2D t_lut;
uniform int u_lut_entries;
uniform float u_lut_first_mapped;
#endif

float grey_from_value(float value) {
#if VOI_FUNCTION == 0
    // C.11.2.1.2.1: a width of 1 is a threshold at center - 0.5.
    if (u_window_width <= 1.0) {
        return value > u_window_center - 0.5 ? 1.0 : 0.0;
    }
    return clamp((value - (u_window_center - 0.5)) / (u_window_width - 1.0) + 0.5, 0.0, 1.0);
#elif VOI_FUNCTION == 1
    return clamp((value - u_window_center) / u_window_width + 0.5, 0.0, 1.0);
#elif VOI_FUNCTION == 2
    // The exponent is bounded: exp overflows to infinity on some devices and 1 / infinity need not be 0.
    return 1.0 / (1.0 + exp(clamp(-4.0 * (value - u_window_center) / u_window_width, -80.0, 80.0)));
#else
    int entry = int(clamp(floor(value - u_lut_first_mapped + 0.5), 0.0, float(u_lut_entries - 1)));
    return texelFetch(t_lut, ivec2(entry % LUT_ROW, entry / LUT_ROW), 0).r;
#endif
}
