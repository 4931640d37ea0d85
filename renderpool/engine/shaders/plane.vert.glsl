#version 330 core
// One triangle over the whole canvas; a plane's places in the volume are linear over it.
uniform mat4 u_texture_from_clip;

noperspective out vec3 p_texture;

void main() {
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    gl_Position = vec4(corner, 0.0, 1.0);
    p_texture = (u_texture_from_clip * gl_Position).xyz;
}
