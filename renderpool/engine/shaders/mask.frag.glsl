#version 330 core
// Shares of a canvas pixel that overlays (red) and shutters (green) take: a mask of bits in image space, sampled as the image is.
uniform sampler2D t_mask;
uniform mat3 u_image_from_canvas;
uniform vec2 u_origin;
uniform vec2 u_image_size;
uniform int u_samples;

out vec4 out_color;

int bits_at(vec2 p_image) {
    ivec2 place = ivec2(floor(p_image - u_origin));
    ivec2 size = textureSize(t_mask, 0);
    if (any(lessThan(place, ivec2(0))) || any(greaterThanEqual(place, size))) {
        return 0;
    }
    return int(texelFetch(t_mask, place, 0).r * 255.0 + 0.5);
}

void main() {
    vec2 middle = (u_image_from_canvas * vec3(gl_FragCoord.xy, 1.0)).xy;
    bool outside = any(lessThan(middle, vec2(0.0))) || any(greaterThanEqual(middle, u_image_size));
    vec2 step_x = u_image_from_canvas[0].xy / float(u_samples);
    vec2 step_y = u_image_from_canvas[1].xy / float(u_samples);
    vec2 start = middle - 0.5 * float(u_samples - 1) * (step_x + step_y);
    int lines = 0;
    int areas = 0;
    for (int row = 0; row < u_samples; ++row) {
        for (int column = 0; column < u_samples; ++column) {
            int bits = bits_at(start + float(column) * step_x + float(row) * step_y);
            lines += bits & 1;
            areas += bits >> 1;
        }
    }
    float count = float(u_samples);
    // A line one image pixel wide meets u_samples of the u_samples × u_samples samples: it is to keep its whole strength.
    float line = min(float(lines) / count, 1.0);
    float area = outside ? 0.0 : float(areas) / (count * count);  // where the image ends, the picture is black already
    out_color = vec4(line, area, 0.0, 1.0);
}
