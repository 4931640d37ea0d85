// The highest (or, MODE 2, lowest) stored value on a ray, no further than u_shown: beyond it the picture is the same.
// Expects volume.glsl, ray.glsl.
uniform usampler3D t_brick_extreme; // of each brick, the stored value of this kind
const float BRICK_VOXELS = 8.0;

float extreme_of(Ray ray, vec2 shown) {
    vec3 inverse_step = 1.0 / ray.step;
    vec3 ahead = vec3(greaterThan(ray.step, vec3(0.0)));
#if MODE == 1
    float extreme = shown.x;
#define BEYOND(a, b) ((a) > (b))
#define ENOUGH shown.y
#else
    float extreme = shown.y;
#define BEYOND(a, b) ((a) < (b))
#define ENOUGH shown.x
#endif
    float i = ray.first;
    while (i < ray.end && BEYOND(ENOUGH, extreme)) {
        vec3 p_index = ray.start + i * ray.step;
        ivec3 brick = ivec3(p_index / BRICK_VOXELS);
        vec3 samples = ((vec3(brick) + ahead) * BRICK_VOXELS - p_index) * inverse_step;
        float leave = i + max(floor(min(min(samples.x, samples.y), samples.z) - 0.001), 0.0) + 1.0;
        if (BEYOND(float(texelFetch(t_brick_extreme, brick, 0).r), extreme)) {
            float end = min(leave, ray.end);
            for (float k = i; k < end; k += 1.0) {
                float stored = stored_at(ray.start + k * ray.step);
                extreme = BEYOND(stored, extreme) ? stored : extreme;
            }
        }
        i = leave;
    }
    return extreme;
}
