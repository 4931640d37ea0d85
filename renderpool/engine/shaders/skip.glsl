// The next sample of a ray that shows, over bricks in which nothing does. Expects volume.glsl, ray.glsl, bricks.glsl.
uniform usampler3D t_distance; // of each brick: how many bricks to the next that shows something; 0 = it does itself

bool is_shown(float stored, vec2 shown) {
    return stored > shown.x && stored < shown.y;
}

// Puts i on that sample and returns its stored value; from ray.end on there is none. Loops test at their end: one that tests at
// its head is run once more by software, with all pixels masked.
float next_shown(Ray ray, BrickWalk walk, inout float i, vec2 shown) {
    float stored;
    bool found;
    do {
        float bricks_away;
        float leave;
        do {
            vec3 p_index = ray.start + i * ray.step;
            bricks_away = float(texelFetch(t_distance, brick_of(p_index), 0).r);
            leave = i + samples_to_leave(walk, p_index, max(bricks_away, 1.0));
            i = bricks_away > 0.0 ? leave : i;
        } while (bricks_away > 0.0 && i < ray.end);
        leave = min(leave, ray.end);
        do {
            stored = stored_at(ray.start + i * ray.step);
            found = is_shown(stored, shown);
            i += found ? 0.0 : 1.0;
        } while (!found && i < leave);
    } while (!found && i < ray.end);
    return stored;
}

// Where between the sample i and the one before it the values cross a level.
vec3 surface_between(Ray ray, float i, float level) {
    float behind = i;
    float before = max(i - 1.0, ray.first);
    for (int halving = 0; halving < 6; ++halving) {
        float middle = 0.5 * (before + behind);
        bool over = stored_at(ray.start + middle * ray.step) >= level;
        behind = over ? middle : behind;
        before = over ? before : middle;
    }
    return ray.start + 0.5 * (before + behind) * ray.step;
}
