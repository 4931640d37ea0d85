// The next sample of a ray that shows, over bricks in which nothing does. Expects volume.glsl, ray.glsl, bricks.glsl, and with
// MASKED mask.glsl.
uniform usampler3D t_distance; // of each brick: how many bricks to the next that shows something; 0 = it does itself

bool is_shown(float stored, vec2 shown) {
    return stored > shown.x && stored < shown.y;
}

// Puts i on the next sample in a brick that shows something, or beyond ray.end, and returns how far this goes on at least.
// Loops test at their end: one that tests at its head is run once more by software, with all pixels masked.
float leap(Ray ray, BrickWalk walk, inout float i) {
    float bricks_away;
    float leave;
    do {
        vec3 p_index = ray.start + i * ray.step;
        bricks_away = float(texelFetch(t_distance, brick_of(p_index), 0).r);
        leave = i + samples_to_leave(walk, p_index, max(bricks_away, 1.0));
        i = bricks_away > 0.0 ? leave : i;
    } while (bricks_away > 0.0 && i < ray.end);
    return min(leave, ray.end);
}

#if MODE == 3
// The average of the stored values that are there on a ray; false if there is none.
bool average_of(Ray ray, out float average) {
    BrickWalk walk = walk_of(ray);
    float sum = 0.0;
    float count = 0.0;
    float i = ray.first;
    do {
        float leave = leap(ray, walk, i);
        do {
            vec3 p_index = ray.start + i * ray.step;
            bool is_there = i < ray.end;
#ifdef MASKED
            is_there = is_there && is_kept(p_index);
#endif
#ifdef PADDED
            vec2 at = present_at(p_index);
            is_there = is_there && at.y >= HALF;
            float stored = at.x;
#else
            float stored = stored_at(p_index);
#endif
            float counts = is_there ? 1.0 : 0.0;
            sum += counts * stored;
            count += counts;
            i += 1.0;
        } while (i < leave);
    } while (i < ray.end);
    average = sum / max(count, 1.0);
    return count > 0.0;
}
#else
// Puts i on that sample and returns its stored value; from ray.end on there is none.
float next_shown(Ray ray, BrickWalk walk, inout float i, vec2 shown) {
    float stored;
    bool found;
    do {
        float leave = leap(ray, walk, i);
        do {
#ifdef PADDED
            vec2 at = present_at(ray.start + i * ray.step);
            stored = at.x;
            found = is_shown(stored, shown) && at.y >= HALF;
#else
            stored = stored_at(ray.start + i * ray.step);
            found = is_shown(stored, shown);
#endif
            i += found ? 0.0 : 1.0;
        } while (!found && i < leave);
#ifdef MASKED
        // Once a sample would show: dearer than its value.
        bool is_left = is_kept(ray.start + i * ray.step);
        i += found && !is_left ? 1.0 : 0.0;
        found = found && is_left;
#endif
    } while (!found && i < ray.end);
    return stored;
}

// Where between the sample i and the one before it the values cross a level, or what is there ends.
vec3 surface_between(Ray ray, float i, float level) {
    float behind = i;
    float before = max(i - 1.0, ray.first);
    for (int halving = 0; halving < 6; ++halving) {
        float middle = 0.5 * (before + behind);
        vec3 p_index = ray.start + middle * ray.step;
#ifdef PADDED
        vec2 at = present_at(p_index);
        bool over = at.x >= level && at.y >= HALF;
#else
        bool over = stored_at(p_index) >= level;
#endif
#ifdef MASKED
        over = over && is_kept(p_index);
#endif
        behind = over ? middle : behind;
        before = over ? before : middle;
    }
    return ray.start + 0.5 * (before + behind) * ray.step;
}
#endif
