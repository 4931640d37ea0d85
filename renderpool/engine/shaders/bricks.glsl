// From brick to brick along a ray. A brick is 8 x 8 x 8 cells between voxel centres, as in bricks.py. Expects ray.glsl.
const float BRICK_VOXELS = 8.0;

struct BrickWalk {
    vec3 inverse_step;
    vec3 ahead; // 1 along axes on which the ray goes up, else 0
};

BrickWalk walk_of(Ray ray) {
    return BrickWalk(1.0 / ray.step, vec3(greaterThan(ray.step, vec3(0.0))));
}

ivec3 brick_of(vec3 p_index) {
    return ivec3(p_index / BRICK_VOXELS); // towards zero: the half voxel before the first centre is of the first brick
}

// How many samples on, at least, a ray leaves the cube of bricks less than so many away from the one where it is.
float samples_to_leave(BrickWalk walk, vec3 p_index, float bricks_away) {
    vec3 face = (vec3(brick_of(p_index)) + mix(vec3(1.0 - bricks_away), vec3(bricks_away), walk.ahead)) * BRICK_VOXELS;
    vec3 samples = (face - p_index) * walk.inverse_step;
    // A thousandth of a step early: a sample too many costs nothing, one too few would be missing.
    return max(floor(min(min(samples.x, samples.y), samples.z) - 0.001), 0.0) + 1.0;
}
