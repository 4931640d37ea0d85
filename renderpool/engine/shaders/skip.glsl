// The next sample of a ray that shows, over bricks in which nothing does. Expects volume.glsl, ray.glsl; DENSE or not.
uniform usampler3D t_distance; // of each brick: how many bricks to the next that shows something; 0 = it does itself
const float BRICK_VOXELS = 8.0;

bool is_shown(float stored, vec2 shown) {
    return stored > shown.x && stored < shown.y;
}

// How many samples on, at least, a ray leaves the cube of empty bricks around the one where it is.
float samples_to_leave(Ray ray, vec3 p_index, float distance, vec3 inverse_step, vec3 ahead) {
    vec3 brick = trunc(p_index / BRICK_VOXELS);
    vec3 face = (brick + mix(vec3(1.0 - distance), vec3(distance), ahead)) * BRICK_VOXELS;
    vec3 samples = (face - p_index) * inverse_step;
    // A thousandth of a step early: a sample too many costs nothing, one too few would be missing.
    return max(floor(min(min(samples.x, samples.y), samples.z) - 0.001), 0.0) + 1.0;
}

float distance_at(vec3 p_index) {
    return float(texelFetch(t_distance, ivec3(p_index / BRICK_VOXELS), 0).r);
}

float next_shown(Ray ray, inout float i, vec2 shown) {
    vec3 inverse_step = 1.0 / ray.step;
    vec3 ahead = vec3(greaterThan(ray.step, vec3(0.0)));
    float stored = 0.0;
#ifdef DENSE
    while (i < ray.end) {
        vec3 p_index = ray.start + i * ray.step;
        float distance = distance_at(p_index);
        stored = stored_at(p_index);
        if (distance == 0.0 && is_shown(stored, shown)) {
            break;
        }
        i += distance > 0.0 ? samples_to_leave(ray, p_index, distance, inverse_step, ahead) : 1.0;
    }
#else
    bool found = false;
    while (i < ray.end && !found) {
        vec3 p_index = ray.start + i * ray.step;
        float distance = distance_at(p_index);
        while (distance > 0.0 && i < ray.end) {
            i += samples_to_leave(ray, p_index, distance, inverse_step, ahead);
            p_index = ray.start + i * ray.step;
            distance = distance_at(p_index);
        }
        float leave = min(i + samples_to_leave(ray, p_index, 1.0, inverse_step, ahead), ray.end);
        while (i < leave && !found) {
            stored = stored_at(ray.start + i * ray.step);
            found = is_shown(stored, shown);
            i += found ? 0.0 : 1.0;
        }
    }
#endif
    return stored;
}

// Where between the sample i and the one before it the values cross a level.
vec3 surface_between(Ray ray, float i, float level) {
    float behind = i;
    float before = max(i - 1.0, ray.first);
    for (int halving = 0; halving < 6; ++halving) {
        float middle = 0.5 * (before + behind);
        if (stored_at(ray.start + middle * ray.step) >= level) {
            behind = middle;
        } else {
            before = middle;
        }
    }
    return ray.start + 0.5 * (before + behind) * ray.step;
}
