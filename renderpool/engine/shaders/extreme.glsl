// The highest (or, MODE 2, lowest) stored value on a ray, no further than u_shown: beyond it the picture is the same.
// Expects volume.glsl, ray.glsl, bricks.glsl.
uniform usampler3D t_brick_extreme; // of each brick, the stored value of this kind
#if MODE == 1
#define BEYOND(a, b) ((a) > (b))
#define FURTHER(a, b) max(a, b)
#else
#define BEYOND(a, b) ((a) < (b))
#define FURTHER(a, b) min(a, b)
#endif
// At once, whether they are in the brick or after it: all of them count, and pixels stay in step. A quarter faster than to the
// end of the brick; 3 suit a coarse step, 8 a fine one.
const int SAMPLES_AT_ONCE = 6;

// With PICK, i_extreme becomes the sample where it is.
float extreme_of(Ray ray, vec2 shown, inout float i_extreme) {
    BrickWalk walk = walk_of(ray);
#if MODE == 1
    float extreme = shown.x;
    float enough = shown.y;
#else
    float extreme = shown.y;
    float enough = shown.x;
#endif
    float i = ray.first;
    do {
        bool beyond;
        do {
            vec3 p_index = ray.start + i * ray.step;
            beyond = BEYOND(float(texelFetch(t_brick_extreme, brick_of(p_index), 0).r), extreme);
            i += beyond ? 0.0 : samples_to_leave(walk, p_index, 1.0);
        } while (!beyond && i < ray.end);
        for (int k = 0; k < SAMPLES_AT_ONCE; ++k) {
            float stored = stored_at(ray.start + i * ray.step);
#ifdef PICK
            i_extreme = i < ray.end && BEYOND(stored, extreme) ? i : i_extreme;
#endif
            extreme = i < ray.end ? FURTHER(extreme, stored) : extreme;
            i += 1.0;
        }
    } while (i < ray.end && BEYOND(enough, extreme));
    return extreme;
}
