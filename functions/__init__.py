"""The front: one folder a function, and the two composition roots `control_node` and `render_server`."""
