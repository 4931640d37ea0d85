// The highest (or, MODE 2, lowest) stored value on a ray, no further than u_shown: beyond it the picture is the same.
// Expects volume.glsl, ray.glsl, bricks.glsl, and with MASKED mask.glsl.
uniform usampler3D t_brick_extreme; // of each brick, the stored value of this kind; NOTHING_LEFT where nothing of it is there
#if MODE == 1
#define BEYOND(a, b) ((a) > (b))
#define FURTHER(a, b) max(a, b)
#define NOTHING_LEFT 0.0
#else
#define BEYOND(a, b) ((a) < (b))
#define FURTHER(a, b) min(a, b)
#define NOTHING_LEFT 65535.0
#endif
// At once, whether they are in the brick or after it: all of them count, and pixels stay in step. A quarter faster than to the
// end of the brick; 3 suit a coarse step, 8 a fine one.
const int SAMPLES_AT_ONCE = 6;

// With PICK, i_extreme becomes the sample where it is. With MASKED, is_seen tells whether a sample was left; with PADDED, whether one was present.
float extreme_of(Ray ray, vec2 shown, inout float i_extreme, out bool is_seen) {
    BrickWalk walk = walk_of(ray);
#if MODE == 1
    float extreme = shown.x;
    float enough = shown.y;
#else
    float extreme = shown.y;
    float enough = shown.x;
#endif
#ifdef PARTIAL
    is_seen = false;
#else
    is_seen = true;
#endif
    float i = ray.first;
    do {
        bool beyond;
        do {
            vec3 p_index = ray.start + i * ray.step;
            float brick_extreme = float(texelFetch(t_brick_extreme, brick_of(p_index), 0).r);
            beyond = BEYOND(brick_extreme, extreme);
#ifdef PARTIAL
            beyond = beyond || (!is_seen && brick_extreme != NOTHING_LEFT);
#endif
            i += beyond ? 0.0 : samples_to_leave(walk, p_index, 1.0);
        } while (!beyond && i < ray.end);
        for (int k = 0; k < SAMPLES_AT_ONCE; ++k) {
            vec3 p_index = ray.start + i * ray.step;
#ifdef PADDED
            vec2 at = present_at(p_index);
            float stored = at.x;
            bool counts = i < ray.end && at.y >= HALF;
#else
            float stored = stored_at(p_index);
            bool counts = i < ray.end;
#endif
#ifdef MASKED
            counts = counts && is_kept(p_index);
#endif
#ifdef PICK
            i_extreme = counts && (!is_seen || BEYOND(stored, extreme)) ? i : i_extreme;
#endif
            is_seen = is_seen || counts;
            extreme = counts ? FURTHER(extreme, stored) : extreme;
            i += 1.0;
        }
    } while (i < ray.end && BEYOND(enough, extreme));
    return extreme;
}
